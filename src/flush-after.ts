import { flush } from "./configure.ts";
import { ConfigError } from "./core/errors.ts";
import { guard } from "./core/guard.ts";

export interface FlushAfterOptions<Args extends readonly unknown[]> {
  /** The longest that the flush may take. Milliseconds, default 2,000. */
  timeoutMs?: number;
  /**
   * From the handler's arguments, the platform's function that keeps the process alive until a promise is done. With it
   * the result is returned at once. Cloudflare: `(request, env, ctx) => (promise) => ctx.waitUntil(promise)`; Vercel:
   * `() => waitUntil`.
   */
  waitUntil?: (...args: Args) => (promise: Promise<unknown>) => void;
}

/**
 * A handler that has delivered its records before the platform freezes the process: it resolves and rejects as `handler`
 * does, but after `flush({ timeoutMs })`. The flush changes no result and never fails.
 *
 * Same type, `this`, name and properties. A handler that returns no promise gives its value at once and is flushed in the
 * background. A body that is still streaming when the handler has returned is not waited for.
 *
 * @throws ConfigError for a handler that is no function and options that make no sense
 * @example
 * const handler = flushAfter(async (event: { question: string }) => tutor.answer(event.question));   // AWS Lambda
 * const worker = {   // Cloudflare
 *   fetch: flushAfter(
 *     async (request: Request, env: object, ctx: { waitUntil(promise: Promise<unknown>): void }) => new Response("ok"),
 *     { waitUntil: (request, env, ctx) => (promise) => ctx.waitUntil(promise) },
 *   ),
 * };
 */
export function flushAfter<F extends (...args: any[]) => any>(
  handler: F,
  options: FlushAfterOptions<Parameters<F>> = {},
): F {
  check(handler, options);
  const { timeoutMs = 2_000, waitUntil } = options;
  const flushed = () => flush({ timeoutMs });

  const { wrapper } = {
    wrapper(this: unknown, ...args: Parameters<F>): unknown {
      const keep = (work: Promise<unknown>) => guard(() => waitUntil?.(...args)(work), undefined);
      let result: unknown;
      try {
        result = handler.apply(this, args);
      } catch (error) {
        keep(flushed());
        throw error;
      }
      if (!isThenable(result)) {
        keep(flushed());
        return result;
      }
      const promise = Promise.resolve(result);
      const done = promise.then(flushed, flushed);
      keep(done);
      // A promise of its own either way: the handler's is subscribed to now, and its rejection would go unnoticed.
      return (waitUntil === undefined ? done : Promise.resolve()).then(() => promise);
    },
  };
  return Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(handler)) as F;
}

function check(handler: unknown, options: FlushAfterOptions<any>): void {
  const fail = (problem: string): never => {
    throw new ConfigError("CONFIG_BAD_VALUE", `flushAfter: ${problem}`);
  };
  if (typeof handler !== "function") fail(`the handler must be a function; it is ${typeof handler}`);
  if (typeof options !== "object" || options === null) fail("options must be an object");
  for (const key of Object.keys(options)) {
    if (key !== "timeoutMs" && key !== "waitUntil") fail(`no option "${key}"; it has timeoutMs, waitUntil`);
  }
  const { timeoutMs = 0, waitUntil } = options;
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
    fail(`timeoutMs must be a number of milliseconds; it is ${String(timeoutMs)}`);
  }
  if (waitUntil !== undefined && typeof waitUntil !== "function") {
    fail("waitUntil must be a function from the handler's arguments to the platform's waitUntil");
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined | null)?.then === "function";
}
