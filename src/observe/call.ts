import { isAsyncFunction, isGeneratorFunction, isGeneratorObject } from "node:util/types";
import { type CallSite, rememberCallSite } from "../core/call-site.ts";
import { contextSpan, runIn } from "../core/context.ts";
import { guard, swallow } from "../core/guard.ts";
import { isMuted, type NonRecordingSpan } from "../core/non-recording-span.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { startUnder } from "../core/start.ts";
import type { Observer } from "./observer.ts";
import { type DynamicOptions, type ObserveOptions, pick } from "./options.ts";
import { namedArguments, parametersOf } from "./parameters.ts";
import { refusalOf } from "./refusal.ts";
import { follow, isObject } from "./settle.ts";
import { endSpan, SpanObserver } from "./span-observer.ts";
import { updateTraceOf } from "./trace.ts";

/** One observed function: what is known of it before any call. */
export interface Site {
  readonly fn: Function;
  /** The name of its spans, given the `this` of a call. */
  readonly name: (self: unknown) => string;
  readonly options: ObserveOptions;
  readonly dynamic: DynamicOptions | undefined;
  readonly declared: CallSite;
  /** An `async` function: the promises that it returns are nobody else's. */
  readonly fresh: boolean;
}

/** Calls an observed function: inside a span when tracing is on, straight through when it is not. */
export function callObserved(site: Site, self: unknown, args: unknown[], newTarget?: Function): unknown {
  const runtime = activeRuntime();
  if (runtime === null) return apply(site.fn, self, args, newTarget);
  const parent = contextSpan(runtime);
  if (isMuted(parent)) {
    const result = apply(site.fn, self, args, newTarget);
    return isObject(result) && isGeneratorObject(result)
      ? follow(result, mutedObserver(runtime, parent as Span))
      : result;
  }
  const options = optionsOf(site, self, args);
  let span: RecordingSpan | NonRecordingSpan | undefined;
  // Not `guard`, here and below where every call comes by: its closures take a quarter of five nested calls.
  try {
    span = begin(runtime, parent, site, options, self, args);
  } catch (error) {
    swallow(error);
  }
  if (span === undefined) return apply(site.fn, self, args, newTarget);
  const kind = newTarget !== undefined ? "construction" : site.fresh ? "async" : "call";
  return runSpan(runtime, span, options, () => apply(site.fn, self, args, newTarget), kind);
}

/**
 * Runs `fn` inside `span` and ends the span when what `fn` returned has settled. A model call that a budget refuses is not
 * made: `BudgetExceededError`, which an `async` function rejects with and any other throws.
 */
export function runSpan<T>(
  runtime: Runtime,
  span: RecordingSpan | NonRecordingSpan,
  options: ObserveOptions,
  fn: () => T,
  kind: "call" | "async" | "construction" = "call",
): T {
  if (!span.recording) {
    return follow(runIn(runtime.carrier, span, fn), mutedObserver(runtime, span), kind === "async");
  }
  const recording = span as RecordingSpan;
  const refused = runtime.modelCalls === undefined ? undefined : refusalOf(runtime, recording);
  if (refused !== undefined) {
    new SpanObserver(runtime, recording, options).fail(refused);
    if (kind === "async") return Promise.reject(refused) as T;
    throw refused;
  }
  let result: T;
  try {
    result = runIn(runtime.carrier, span, fn);
  } catch (error) {
    new SpanObserver(runtime, recording, options).fail(error);
    throw error;
  }
  if (kind !== "construction" && isObject(result)) {
    return follow(result, new SpanObserver(runtime, recording, options), kind === "async");
  }
  endSpan(runtime, recording, options, kind === "construction" ? undefined : result);
  return result;
}

/** A function that gives promises of its own; an async generator gives none. */
export function isAsync(fn: Function): boolean {
  return isAsyncFunction(fn) && !isGeneratorFunction(fn);
}

/** What is consumed elsewhere later (a generator's body, a stream) stays as silent there as it would be here. */
function mutedObserver(runtime: Runtime, muted: Span): Observer {
  const nothing = (): void => {};
  const run: Observer["run"] = (fn) => runIn(runtime.carrier, muted, fn);
  return { run, chunk: nothing, end: nothing, finish: nothing, fail: nothing, cancel: nothing };
}

function apply(fn: Function, self: unknown, args: unknown[], newTarget: Function | undefined): unknown {
  return newTarget === undefined ? Reflect.apply(fn, self, args) : Reflect.construct(fn, args, newTarget);
}

function optionsOf(site: Site, self: unknown, args: unknown[]): ObserveOptions {
  const { dynamic, options } = site;
  if (dynamic === undefined) return options;
  return guard(() => ({ ...options, ...pick(() => dynamic(self, ...args)) }), options);
}

function nameOf(site: Site, { name }: ObserveOptions, self: unknown): string {
  if (typeof name === "string") return name;
  try {
    // A function and a class may have anything as their name.
    const own: unknown = site.name(self);
    return typeof own === "string" ? own : "anonymous";
  } catch (error) {
    swallow(error);
    return "anonymous";
  }
}

function begin(
  runtime: Runtime,
  parent: Span | undefined,
  site: Site,
  options: ObserveOptions,
  self: unknown,
  args: unknown[],
): RecordingSpan | NonRecordingSpan {
  const { type, kind } = options;
  const callSite = runtime.callSites === "all" ? rememberCallSite(callObserved) : site.declared;
  const above = options.root === true ? undefined : parent;
  const span = startUnder(runtime, above, nameOf(site, options, self), { type, kind, callSite }, parent);
  if (!span.recording) return span;
  const { metadata, attributes, level, model, provider, trace } = options;
  if (metadata || attributes || level || model || provider) {
    span.update({ metadata, attributes, level, model, provider } as Parameters<Span["update"]>[0]);
  }
  if (trace !== undefined) updateTraceOf(runtime, span, trace);
  if (args.length > 0 && (options.captureInput ?? runtime.captureInput)) {
    captureInput(runtime, span, site.fn, args, options.input);
  }
  return span;
}

function captureInput(
  runtime: Runtime,
  span: RecordingSpan,
  fn: Function,
  args: unknown[],
  input: ObserveOptions["input"],
): void {
  const { names, rest } = parametersOf(fn);
  const simple = input === undefined && !rest ? runtime.capture.named?.(names, args) : undefined;
  if (simple !== undefined) {
    span.takeInput(simple);
    return;
  }
  const value = input === undefined ? namedArguments(fn, args) : pick(() => input(args));
  if (value !== undefined) span.update({ input: value });
}
