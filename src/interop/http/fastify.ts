import type { IncomingMessage, ServerResponse } from "node:http";
import { guard } from "../../core/guard.ts";
import { beginNodeCall } from "./node.ts";
import { checkRequestOptions, type RequestOptions } from "./options.ts";
import type { Outcome, ServerCall } from "./server-call.ts";

/** What we read of a Fastify request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly routeOptions?: { readonly url?: string | undefined };
}

interface FastifyReplyLike {
  readonly raw: ServerResponse;
  getHeader(name: string): unknown;
}

interface FastifyLike {
  addHook(name: string, hook: (request: FastifyRequestLike, reply: FastifyReplyLike, ...rest: any[]) => void): unknown;
}

/**
 * A plugin for Fastify: continues the trace of the caller, and records each request as a span of kind `server` that ends
 * with the response. It holds for the whole application; register it before all others.
 *
 * Names, levels and what is not recorded: as for `traceRequests`.
 *
 * @throws ConfigError for options that do not exist or make no sense. The plugin throws nothing of its own.
 *
 * @example
 * const app = fastify();
 * await app.register(fastifyTracing({ headers: ["user-agent"] }));
 */
export function fastifyTracing<Request extends FastifyRequestLike = FastifyRequestLike>(
  options: RequestOptions<Request> = {},
): (app: any, options: unknown, done: (error?: Error) => void) => void {
  checkRequestOptions("fastifyTracing", options);
  const plugin = (app: FastifyLike, _: unknown, done: (error?: Error) => void): void => {
    const calls = new WeakMap<object, ServerCall>();
    const errors = new WeakMap<object, unknown>();
    app.addHook("onRequest", (request, reply, next: () => void) => {
      const more = (): Outcome => ({
        route: request.routeOptions?.url,
        error: errors.get(request.raw),
        // Its headers are not all on Node's response.
        header: (name) => reply.getHeader(name),
      });
      const call = guard(() => beginNodeCall(options, request as Request, request.raw, reply.raw, more), undefined);
      if (call === undefined) return next();
      calls.set(request.raw, call);
      call.run(() => next());
    });
    // The body has been read in between, by whatever parser.
    app.addHook("preValidation", (request, _reply, next: () => void) => {
      const call = calls.get(request.raw);
      return call === undefined ? next() : call.run(() => next());
    });
    app.addHook("onError", (request, _reply, error: unknown, next: () => void) => {
      errors.set(request.raw, error);
      next();
    });
    done();
  };
  // A plugin without these would hold for itself alone.
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "sightline",
  });
}
