import type { ServerResponse } from "node:http";
import { guard } from "../../core/guard.ts";
import type { Observer } from "../../observe/observer.ts";
import { tapReadableStream } from "../../observe/streams.ts";
import { watchAbandoned } from "../../openai/wire/abandoned.ts";
import { followResponse, serverOf } from "./node.ts";
import { checkRequestOptions, type RequestOptions } from "./options.ts";
import { beginServerCall, type Outcome, type ServerCall } from "./server-call.ts";

/** What we read of a Hono context. */
export interface HonoContextLike {
  readonly req: {
    readonly raw: Request;
    readonly routeIndex: number;
    readonly matchedRoutes: readonly { readonly method: string; readonly path: string }[];
  };
  /** Under Node's adapter, `outgoing` is the response of its server. */
  readonly env: any;
  readonly error: Error | undefined;
  res: Response;
}

/**
 * A middleware for Hono: continues the trace of the caller, and records each request as a span of kind `server` that ends
 * with the response, streamed ones included. Use it before all others.
 *
 * Names, levels and what is not recorded: as for `traceRequests`. Without Node's adapter a response without a `content-length`
 * is over when its body has been read, was cancelled, or is held by nobody.
 *
 * @throws ConfigError for options that do not exist or make no sense. The middleware throws nothing of its own.
 *
 * @example
 * const app = new Hono();
 * app.use(honoTracing({ trace: () => ({ feature: "chat" }) }));
 */
export function honoTracing<Context extends HonoContextLike = HonoContextLike>(
  options: RequestOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<void> {
  checkRequestOptions("honoTracing", options);
  return async function sightline(context, next) {
    const call = guard(() => begin(options, context), undefined);
    if (call === undefined) return next();
    try {
      await call.run(next);
    } catch (error) {
      call.end(() => ({ status: 500, error, route: routeOf(context) }));
      throw error;
    }
    if (call.recording) guard(() => follow(context, call), undefined);
  };
}

function begin<C extends HonoContextLike>(options: RequestOptions<C>, context: C): ServerCall | undefined {
  const { raw } = context.req;
  const url = new URL(raw.url);
  return beginServerCall(options, {
    request: context,
    key: raw,
    raw: context.env?.incoming,
    server: serverOf(context.env?.incoming),
    headers: raw.headers,
    facts: () => ({
      method: raw.method,
      scheme: url.protocol === "https:" ? "https" : "http",
      target: url.pathname,
      host: url.host,
    }),
    header: (name) => raw.headers.get(name),
  });
}

function follow(context: HonoContextLike, call: ServerCall): void {
  const outgoing: unknown = context.env?.outgoing;
  if (isOpenResponse(outgoing)) {
    followResponse(outgoing, call, () => ({ route: routeOf(context), error: context.error }));
    return;
  }
  const { status, headers } = context.res;
  const outcome = (more?: Partial<Outcome>) => (): Outcome => ({
    status,
    route: routeOf(context),
    error: context.error,
    header: (name) => headers.get(name),
    ...more,
  });
  const { body } = context.res;
  // Of the answer to a HEAD, which is made as that to a GET, the body is thrown away.
  if (body === null || headers.has("content-length") || context.req.raw.method === "HEAD") {
    call.end(outcome());
    return;
  }
  const observer: Observer = {
    run: (fn) => call.run(fn),
    chunk() {},
    end: () => call.end(outcome()),
    finish: () => call.end(outcome()),
    fail: (error) => call.end(outcome({ status: 500, error })),
    cancel: () => call.end(outcome({ aborted: "client" })),
  };
  const tapped = tapReadableStream(body, observer);
  watchAbandoned(tapped, { gone: call.head(outcome()) });
  context.res = new Response(tapped, context.res);
}

function isOpenResponse(outgoing: unknown): outgoing is ServerResponse {
  const response = outgoing as ServerResponse | undefined;
  return typeof response?.once === "function" && response.writableFinished === false;
}

/** The pattern of the handler that answered. Where only middleware did, there is none. */
function routeOf({ req }: HonoContextLike): string | undefined {
  const route = req.matchedRoutes?.[req.routeIndex];
  return route === undefined || (route.method === "ALL" && route.path.endsWith("*")) ? undefined : route.path;
}
