import type { IncomingMessage, ServerResponse } from "node:http";
import { guard } from "../../core/guard.ts";
import { beginNodeCall } from "./node.ts";
import { checkRequestOptions, type RequestOptions } from "./options.ts";

/**
 * A middleware for Express, Connect and the `app.use` of NestJS: continues the trace of the caller, and records each request
 * as a span of kind `server` that ends with the response. Use it before all others.
 *
 * The span is named by method and route once that is known; inside another span it has the kind `internal`. A status of
 * 500 and above is an error, a client that goes away a warning. Neither bodies nor queries are recorded.
 *
 * @throws ConfigError for options that do not exist or make no sense. The middleware throws nothing of its own.
 *
 * @example
 * const app = express();
 * app.use(traceRequests({ ignore: (request) => request.url === "/health" }));
 */
export function traceRequests<Request extends IncomingMessage = IncomingMessage>(
  options: RequestOptions<Request> = {},
): (request: Request, response: ServerResponse, next: (error?: unknown) => void) => void {
  checkRequestOptions("traceRequests", options);
  return function sightline(request, response, next) {
    const call = guard(
      () => beginNodeCall(options, request, request, response, () => ({ route: routeOf(request) })),
      undefined,
    );
    return call === undefined ? next() : call.run(() => next());
  };
}

/** Express has the route on the request from the moment that it has found one. */
interface ExpressRequest {
  readonly route?: { readonly path?: unknown };
  readonly baseUrl?: unknown;
}

function routeOf(request: IncomingMessage): string | undefined {
  const { route, baseUrl } = request as ExpressRequest;
  if (route?.path === undefined) return undefined;
  const base = typeof baseUrl === "string" ? baseUrl.split("/").map(withoutId).join("/") : "";
  const path = `${base}${String(route.path)}`;
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** Where a router is mounted at a pattern, Express tells what was there in its place. */
function withoutId(segment: string): string {
  return /^\d+$|^(?=.*\d)[\w%.~-]{16,}$/.test(segment) ? ":id" : segment;
}
