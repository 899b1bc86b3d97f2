import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { bindEmitter } from "../../core/bind.ts";
import { guard } from "../../core/guard.ts";
import type { RequestOptions } from "./options.ts";
import { beginServerCall, type Outcome, type ServerCall } from "./server-call.ts";

/**
 * Begins the call of a request of Node's server and follows its response to the end. Listeners that are added to the two
 * later run where they were added: a body arrives in the socket's context, which is nobody's.
 */
export function beginNodeCall<R>(
  options: RequestOptions<R> & { readonly outermost?: boolean },
  request: R,
  raw: IncomingMessage,
  response: ServerResponse,
  more: () => Outcome,
): ServerCall | undefined {
  const call = beginServerCall(options, {
    request,
    key: raw,
    headers: raw.headers,
    server: serverOf(raw),
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
    if (call.recording) followResponse(response, call, more);
    bindEmitter(raw);
    bindEmitter(response);
  }, undefined);
  return call;
}

/** The server that got the request from a connection; what imitates a request has none. */
export function serverOf(raw: IncomingMessage | undefined): object | undefined {
  const server: unknown = (raw?.socket as { server?: unknown } | undefined)?.server;
  return typeof server === "object" && server !== null ? server : undefined;
}

/**
 * Ends the call with the response: at `finish`, or at `close` when that comes first. At once where either was before, as the
 * client may have left while a middleware or a guard before this was at work.
 */
export function followResponse(response: ServerResponse, call: ServerCall, more: () => Outcome): void {
  const socket = response.req?.socket;
  const end = (aborted: Outcome["aborted"]): void =>
    call.end(() => ({
      // Before its head is sent, a response says 200 of itself.
      status: aborted && !response.headersSent ? undefined : response.statusCode,
      aborted,
      header: (name) => response.getHeader(name),
      ...guard(more, {}),
    }));
  const close = (): void => end(response.writableFinished ? undefined : hasLeft(socket) ? "client" : "server");
  if (response.writableFinished || response.destroyed || response.closed || socket?.destroyed) {
    close();
    return;
  }
  response.once("finish", () => end(undefined));
  response.once("close", close);
}

/** How a connection ends when nobody here has ended it. */
const LEFT = ["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"];

function hasLeft(socket: Socket | undefined): boolean {
  const { readableEnded, errored } = (socket ?? {}) as { readableEnded?: boolean; errored?: { code?: string } | null };
  return readableEnded === true || LEFT.includes(errored?.code ?? "");
}
