import { isAsyncFunction, isGeneratorFunction, isGeneratorObject } from "node:util/types";
import { type CallSite, rememberCallSite } from "../core/call-site.ts";
import type { Capture } from "../core/capture.ts";
import { callIn, contextSpan, runIn } from "../core/context.ts";
import { guard, swallow } from "../core/guard.ts";
import { isMuted, type NonRecordingSpan } from "../core/non-recording-span.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span, SpanPatch } from "../core/span.ts";
import { type StartOptions, startUnder } from "../core/start.ts";
import type { Observer } from "./observer.ts";
import { type DynamicOptions, type ObserveOptions, pick } from "./options.ts";
import { namedArguments, type Parameters, parametersOf } from "./parameters.ts";
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
  /** What its spans start with where a call has no options of its own. */
  readonly start: StartOptions;
  /** Read from the source at the first call that captures its arguments. */
  parameters: Parameters | undefined;
  /** The capture that has found its parameters' names harmless. */
  harmlessIn: Capture | undefined;
  /** What the program calls: a call site is what is below it on the stack. */
  entry: Function;
}

/** Calls an observed function: inside a span when tracing is on, straight through when it is not. */
export function callObserved(site: Site, self: unknown, args: unknown[], newTarget?: Function): unknown {
  const runtime = activeRuntime();
  if (runtime === null) return apply(site.fn, self, args, newTarget);
  const parent = contextSpan(runtime);
  if (isMuted(parent)) return mutedResult(runtime, parent, apply(site.fn, self, args, newTarget));
  return callUnder(runtime, parent, site, self, args, newTarget);
}

/** Calls an observed function inside a span. `parent`: what the context holds. */
export function callUnder(
  runtime: Runtime,
  parent: Span | undefined,
  site: Site,
  self: unknown,
  args: unknown[],
  newTarget?: Function,
): unknown {
  const options = optionsOf(site, self, args);
  let span: RecordingSpan | NonRecordingSpan | undefined;
  // Not `guard`, here and below where every call comes by: its closures take a quarter of five nested calls.
  try {
    span = begin(runtime, parent, site, options, self, args);
  } catch (error) {
    swallow(error);
  }
  if (span === undefined) return apply(site.fn, self, args, newTarget);
  if (newTarget === undefined)
    return runSpan(runtime, span, options, site.fn, self, args, site.fresh ? "async" : "call");
  return runSpan(runtime, span, options, Reflect.construct, undefined, [site.fn, args, newTarget], "construction");
}

/**
 * Calls `fn` inside `span` and ends the span when what `fn` returned has settled. A model call that a budget refuses is not
 * made: `BudgetExceededError`, which an `async` function rejects with and any other throws.
 */
export function runSpan(
  runtime: Runtime,
  span: RecordingSpan | NonRecordingSpan,
  options: ObserveOptions,
  fn: Function,
  self: unknown,
  args: readonly unknown[],
  kind: "call" | "async" | "construction",
): unknown {
  if (!span.recording) {
    return follow(callIn(runtime.carrier, span, fn, self, args), mutedObserver(runtime, span), kind === "async");
  }
  const recording = span as RecordingSpan;
  const refused = runtime.modelCalls === undefined ? undefined : refusalOf(runtime, recording);
  if (refused !== undefined) {
    new SpanObserver(runtime, recording, options).fail(refused);
    if (kind === "async") return Promise.reject(refused);
    throw refused;
  }
  let result: unknown;
  try {
    result = callIn(runtime.carrier, span, fn, self, args);
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

/** What a call gives where nothing is recorded. */
export function mutedResult(runtime: Runtime, muted: Span, result: unknown): unknown {
  return isObject(result) && isGeneratorObject(result) ? follow(result, mutedObserver(runtime, muted)) : result;
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
  return dynamic === undefined ? options : dynamicOptions(dynamic, options, self, args);
}

// By itself, as are others: see `contextSpan`.
function dynamicOptions(dynamic: DynamicOptions, options: ObserveOptions, self: unknown, args: unknown[]) {
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
  const isAsDeclared = options === site.options && runtime.callSites !== "all";
  const start = isAsDeclared ? site.start : startOptions(options, runtime.callSites, site);
  const above = options.root === true ? undefined : parent;
  const span = startUnder(runtime, above, nameOf(site, options, self), start, parent);
  if (!span.recording) return span;
  const { metadata, attributes, level, model, provider, trace } = options;
  if (metadata || attributes || level || model || provider) {
    span.update({ metadata, attributes, level, model, provider } as SpanPatch);
  }
  if (trace !== undefined) updateTraceOf(runtime, span, trace);
  if (args.length > 0 && (options.captureInput ?? runtime.captureInput)) {
    captureInput(runtime, span, site, args, options.input);
  }
  return span;
}

/** What a span of these options starts with. */
export function startOptions(
  { type, kind }: ObserveOptions,
  callSites: Runtime["callSites"],
  { declared, entry }: Pick<Site, "declared" | "entry">,
): StartOptions {
  return { type, kind, callSite: callSites === "all" ? rememberCallSite(entry) : declared };
}

function captureInput(
  runtime: Runtime,
  span: RecordingSpan,
  site: Site,
  args: unknown[],
  input: ObserveOptions["input"],
): void {
  const bytes = input === undefined ? plainBytes(runtime.capture, site, args) : undefined;
  if (bytes !== undefined) {
    span.takeArguments(site.parameters!.names, args, bytes);
    return;
  }
  const value = input === undefined ? namedArguments(site.fn, args) : pickInput(input, args);
  if (value !== undefined) span.update({ input: value });
}

function pickInput(input: NonNullable<ObserveOptions["input"]>, args: unknown[]): unknown {
  return pick(() => input(args));
}

/** Estimated bytes of the object of arguments that may be kept as they are, as most are; `undefined` where one may not. */
function plainBytes(capture: Capture, site: Site, args: readonly unknown[]): number | undefined {
  const { names, rest } = (site.parameters ??= parametersOf(site.fn));
  if (rest || args.length > names.length || capture.plain === undefined) return undefined;
  if (site.harmlessIn !== capture) {
    if (capture.harmless?.(names) !== true) return undefined;
    site.harmlessIn = capture;
  }
  let bytes = 80;
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    const more = value === undefined ? 16 : capture.plain(value);
    if (more === undefined) return undefined;
    bytes += more;
  }
  return bytes;
}
