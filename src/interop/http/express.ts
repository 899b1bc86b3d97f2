import type { IncomingMessage, ServerResponse } from "node:http";
import { guard } from "../../core/guard.ts";
import { beginNodeCall } from "./node.ts";
import { checkRequestOptions, type RequestOptions } from "./options.ts";

/**
 * A middleware for Express, Connect and the `app.use` of NestJS: continues the trace of the caller, and records each request
 * as a span of kind `server` that ends with the response. Use it before all others.
 *
 * The span is named by method and route once that is known. Inside a span of OpenTelemetry's, or of another middleware of
 * ours, it has the kind `internal`; a span that was current at `listen()` is none of a request's. A status of 500 and above is
 * an error, a response that is not completed a warning. Neither bodies nor queries are recorded.
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

interface ExpressRequest extends IncomingMessage {
  readonly route?: { readonly path?: unknown };
  readonly baseUrl?: unknown;
  readonly originalUrl?: string;
}

/** The pattern that was matched, with that of the routers around it; `undefined` before Express has found one. */
export function routeOf(request: IncomingMessage): string | undefined {
  const { route } = request as ExpressRequest;
  if (route?.path === undefined) return undefined;
  const pattern = String(route.path);
  const base = baseOf(request as ExpressRequest, segments(pattern)).map(withoutValue);
  const path = `${base.map((segment) => `/${segment}`).join("")}${pattern}`;
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/**
 * Where the routers are mounted: what the address has before the part that the pattern matched. Express says it in `baseUrl`, but
 * takes that back as an error leaves a router.
 */
function baseOf({ originalUrl, baseUrl }: ExpressRequest, pattern: readonly string[]): readonly string[] {
  const path = segments((originalUrl ?? "").replace(/[?#].*$/s, ""));
  const start = path.length - pattern.length;
  const isMatch = (part: string, index: number): boolean =>
    PARAMETER.test(part) || part.toLowerCase() === path[start + index]?.toLowerCase();
  if (start >= 0 && pattern.every(isMatch)) return path.slice(0, start);
  return typeof baseUrl === "string" ? segments(baseUrl) : [];
}

/** One segment, whatever it is. Patterns of more or of fewer tell nothing of where they begin. */
const PARAMETER = /^:\w+$/;

function segments(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Where a router is mounted at a pattern there is a value in its place: names are few, and no one's. */
function withoutValue(segment: string): string {
  const isWord = /^[a-z][a-z0-9-]*$/.test(segment) && !/^(?=.*\d).{16,}$/.test(segment);
  return isWord ? segment : ":id";
}
