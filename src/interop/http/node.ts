import type { IncomingMessage, ServerResponse } from "node:http";
import { bindEmitter } from "../../core/bind.ts";
import { guard } from "../../core/guard.ts";
import type { RequestOptions } from "./options.ts";
import { beginServerCall, type Outcome, type ServerCall } from "./server-call.ts";

/**
 * Begins the call of a request of Node's server and follows its response to the end. Listeners that are added to the two
 * later run where they were added: a body arrives in the socket's context, which is nobody's.
 */
export function beginNodeCall<R>(
  options: RequestOptions<R>,
  request: R,
  raw: IncomingMessage,
  response: ServerResponse,
  more: () => Outcome,
): ServerCall | undefined {
  const call = beginServerCall(options, {
    request,
    key: raw,
    headers: raw.headers,
    facts: () => ({
      method: raw.method ?? "GET",
      scheme: (raw.socket as { encrypted?: boolean } | undefined)?.encrypted ? "https" : "http",
      // Express cuts from `url` where it is mounted.
      target: (raw as { originalUrl?: string }).originalUrl ?? raw.url ?? "/",
      host: raw.headers.host ?? (raw.headers[":authority"] as string | undefined),
    }),
    header: (name) => raw.headers[name],
  });
  if (call === undefined) return undefined;
  guard(() => {
    followResponse(response, call, more);
    bindEmitter(raw);
    bindEmitter(response);
  }, undefined);
  return call;
}

/** Ends the call with the response: at `finish`, or at `close` when that comes first because the client has gone. */
export function followResponse(response: ServerResponse, call: ServerCall, more: () => Outcome): void {
  const end = (isAborted: boolean): void =>
    call.end(() => ({
      // Before its head is sent, a response says 200 of itself.
      status: isAborted && !response.headersSent ? undefined : response.statusCode,
      isAborted,
      header: (name) => response.getHeader(name),
      ...guard(more, {}),
    }));
  response.once("finish", () => end(false));
  response.once("close", () => end(!response.writableFinished));
}
