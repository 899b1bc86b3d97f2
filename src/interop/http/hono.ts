import type { ServerResponse } from "node:http";
import { guard } from "../../core/guard.ts";
import type { Observer } from "../../observe/observer.ts";
import { tapReadableStream } from "../../observe/streams.ts";
import { followResponse } from "./node.ts";
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
 * Names, levels and what is not recorded: as for `traceRequests`.
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
      call.end(() => ({ status: 500, error }));
      throw error;
    }
    guard(() => follow(context, call), undefined);
  };
}

function begin<C extends HonoContextLike>(options: RequestOptions<C>, context: C): ServerCall | undefined {
  const { raw } = context.req;
  const url = new URL(raw.url);
  return beginServerCall(options, {
    request: context,
    key: raw,
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
  if (isWhole(headers) || context.res.body === null) {
    call.end(outcome());
    return;
  }
  const observer: Observer = {
    run: (fn) => call.run(fn),
    chunk() {},
    end: () => call.end(outcome()),
    finish: () => call.end(outcome()),
    fail: (error) => call.end(outcome({ status: 500, error })),
    cancel: () => call.end(outcome({ isAborted: true })),
  };
  context.res = new Response(tapReadableStream(context.res.body, observer), context.res);
}

function isOpenResponse(outgoing: unknown): outgoing is ServerResponse {
  const response = outgoing as ServerResponse | undefined;
  return typeof response?.once === "function" && response.writableFinished === false;
}

/** `c.json`, `c.text` and `c.html` answer with a whole text, which nobody need read for the span to end. */
function isWhole(headers: Headers): boolean {
  if (headers.has("transfer-encoding")) return false;
  return (
    headers.has("content-length") || /^(application\/json|text\/(plain|html))\b/.test(headers.get("content-type") ?? "")
  );
}

/** The pattern of the handler that answered. Where only middleware did, there is none. */
function routeOf({ req }: HonoContextLike): string | undefined {
  const route = req.matchedRoutes?.[req.routeIndex];
  return route === undefined || (route.method === "ALL" && route.path.endsWith("*")) ? undefined : route.path;
}
