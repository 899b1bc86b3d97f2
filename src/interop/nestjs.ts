import type { IncomingMessage, ServerResponse } from "node:http";
import { type Checks, checkOptions, isFunction } from "../core/check-options.ts";
import { contextSpan, runIn } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { isMuted, isSuppressed } from "../core/non-recording-span.ts";
import { clean } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { startUnder } from "../core/start.ts";
import { suppress } from "../core/suppress.ts";
import { type TracePatch, updateTraceOf } from "../observe/trace.ts";
import { routeOf } from "./http/express.ts";
import { beginNodeCall } from "./http/node.ts";

/** What we read of Nest's `ExecutionContext`. */
export interface ExecutionContextLike {
  getType(): string;
  getClass(): { readonly name: string };
  getHandler(): Function;
  switchToHttp(): { getRequest(): any; getResponse(): any };
}

export interface InterceptorOptions<Context> {
  /** Handlers that leave no trace: nothing that they call is recorded either. */
  ignore?: (context: Context) => boolean;
  /** Attributes of the trace: user, session, tags. Guards have run before. */
  trace?: (context: Context) => TracePatch | undefined;
}

/**
 * A NestJS interceptor that runs each handler in a span named `Controller.handler`, which ends when its Observable completes,
 * fails or is unsubscribed. Over HTTP, unless the request has a span already (`app.use(traceRequests())`, OpenTelemetry), it is
 * the span of the request: of kind `server`, in the trace of the caller, and ended with the response.
 *
 * A Nest exception with a status below 500 is a warning. Neither arguments nor results are recorded: `@observe()` does that.
 * Guards run before interceptors: what they call has this trace only with `traceRequests()`.
 *
 * @throws ConfigError for options that do not exist or make no sense. The interceptor throws nothing of its own.
 *
 * @example
 * const app = await NestFactory.create(AppModule);
 * app.useGlobalInterceptors(new SightlineInterceptor());   // or { provide: APP_INTERCEPTOR, useClass: SightlineInterceptor }
 */
export class SightlineInterceptor<Context extends ExecutionContextLike = ExecutionContextLike> {
  readonly #options: InterceptorOptions<Context>;

  constructor(options: InterceptorOptions<Context> = {}) {
    checkOptions("SightlineInterceptor", options, CHECKS as Checks<InterceptorOptions<Context>>);
    this.#options = options;
  }

  /** Returns an Observable of the class that `next` gives. */
  intercept<T extends object>(context: Context, next: { handle(): T }): T {
    const runtime = activeRuntime();
    const parent = runtime === null ? undefined : contextSpan(runtime);
    if (runtime === null || isSuppressed(parent)) return next.handle();
    // What is current at `listen()` says nothing of a request.
    if (isMuted(parent) && guard(() => context.getType(), "") !== "http") return next.handle();
    const { ignore } = this.#options;
    if (guard(() => ignore?.(context), false) === true) return suppress(() => next.handle());
    const begin = (): Handling => beginHandling(runtime, parent, context, this.#options);
    const first = guard(begin, undefined);
    if (first === undefined) return next.handle();
    const source = handled(first, next);
    const again = (): [Handling, T] | undefined => {
      const handling = first.isRequest ? first : guard(begin, undefined);
      return handling && [handling, handled(handling, next)];
    };
    return guard(() => followed(source, first, again), undefined) ?? ended(first, source);
  }
}

const CHECKS: Checks<InterceptorOptions<never>> = {
  ignore: [isFunction, "a function from the context to true or false"],
  trace: [isFunction, "a function from the context to attributes of its trace"],
};

/** It may throw before there is an Observable. */
function handled<T>(handling: Handling, next: { handle(): T }): T {
  try {
    return handling.run(() => next.handle());
  } catch (error) {
    handling.end({ error });
    throw error;
  }
}

type Outcome = { error: unknown } | "complete" | "unsubscribed";

/** One run of a handler. Only its first end counts. */
interface Handling {
  /** There is one response, however often the handler runs. */
  readonly isRequest?: boolean;
  run<T>(fn: () => T): T;
  end(outcome: Outcome): void;
}

function beginHandling<C extends ExecutionContextLike>(
  runtime: Runtime,
  parent: Span | undefined,
  context: C,
  options: InterceptorOptions<C>,
): Handling {
  const name = `${context.getClass().name}.${context.getHandler().name}`;
  const handling = context.getType() === "http" ? beginRequest(context, name, options) : undefined;
  if (handling !== undefined) return handling;
  const span = startUnder(runtime, parent, clean(runtime, name), {});
  const patch = guard(() => options.trace?.(context), undefined);
  if (patch) updateTraceOf(runtime, span, patch);
  let isOpen = true;
  return {
    run: (fn) => runIn(runtime.carrier, span, fn),
    end(outcome) {
      if (!isOpen) return;
      isOpen = false;
      guard(() => finish(span, outcome), undefined);
      span.end();
    },
  };
}

/** Of an Express request, or of a Fastify one, which has Node's as `raw`. */
interface NestRequest extends IncomingMessage {
  readonly raw?: IncomingMessage;
  readonly routeOptions?: { readonly url?: string };
}

/** The span of the whole request, which ends with the response; `undefined` inside another. */
function beginRequest<C extends ExecutionContextLike>(
  context: C,
  name: string,
  { trace }: InterceptorOptions<C>,
): Handling | undefined {
  const http = context.switchToHttp();
  const request: NestRequest = http.getRequest();
  const response: ServerResponse & { readonly raw?: ServerResponse } = http.getResponse();
  let error: unknown;
  const call = beginNodeCall(
    { name: () => name, outermost: true, ...(trace && { trace }) },
    context,
    request.raw ?? request,
    response.raw ?? response,
    () => {
      const route = routeOf(request) ?? request.routeOptions?.url;
      return { error, ...(route !== undefined && { route }) };
    },
  );
  return (
    call && {
      isRequest: true,
      run: call.run,
      end(outcome) {
        if (outcome === "complete") error = undefined;
        else if (outcome !== "unsubscribed") error = outcome.error;
      },
    }
  );
}

function finish(span: Span, outcome: Outcome): void {
  if (outcome === "complete") return;
  if (outcome === "unsubscribed") {
    span.update({ level: "WARNING", statusMessage: "Nobody waited for the end" });
    return;
  }
  const status = statusOf(outcome.error);
  if (status === undefined || status >= 500) span.fail(outcome.error);
  else span.update({ level: "WARNING", statusMessage: String((outcome.error as Error).message) });
}

/** Of an `HttpException`, by what it has. */
function statusOf(error: unknown): number | undefined {
  const { getStatus } = Object(error) as { getStatus?: unknown };
  const status: unknown = typeof getStatus === "function" ? guard(() => getStatus.call(error), undefined) : undefined;
  return typeof status === "number" ? status : undefined;
}

interface Observer {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

interface ObservableLike {
  subscribe(observer: Observer): { unsubscribe(): void };
}

type ObservableClass = new (subscribe: (observer: Observer) => () => void) => object;

/**
 * An Observable of the same class whose every subscription is one run of the handler: a `retry` around it subscribes again.
 * `undefined` for what is no Observable.
 */
function followed<T extends object>(source: T, first: Handling, again: () => [Handling, T] | undefined): T | undefined {
  const Observable = classOf(source);
  if (Observable === undefined) return undefined;
  let next: [Handling, T] | undefined = [first, source];
  return new Observable((observer) => {
    const [handling, observable] = next ?? again() ?? [undefined, source];
    next = undefined;
    if (handling === undefined) return unsubscriber(subscribe(observable, observer));
    const subscription = handling.run(() =>
      subscribe(observable, {
        next: (value) => observer.next(value),
        error(error) {
          handling.end({ error });
          observer.error(error);
        },
        complete() {
          handling.end("complete");
          observer.complete();
        },
      }),
    );
    const unsubscribe = unsubscriber(subscription);
    return () => {
      unsubscribe();
      handling.end("unsubscribed");
    };
  }) as T;
}

function subscribe(observable: object, observer: Observer): { unsubscribe(): void } {
  return (observable as ObservableLike).subscribe(observer);
}

function unsubscriber(subscription: { unsubscribe(): void }): () => void {
  return () => subscription.unsubscribe();
}

/** RxJS's `Observable` itself, also where the source is of a class made from it, such as `Subject`. */
function classOf(source: object): ObservableClass | undefined {
  if (typeof (source as Partial<ObservableLike>).subscribe !== "function") return undefined;
  let prototype = Object.getPrototypeOf(source);
  for (let above = prototype; above !== null && above !== Object.prototype; above = Object.getPrototypeOf(above)) {
    prototype = above;
  }
  return prototype.constructor;
}

function ended<T>(handling: Handling, value: T): T {
  handling.end("complete");
  return value;
}
