import { runIn } from "../core/context.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import type { Runtime } from "../core/runtime.ts";
import type { SpanPatch } from "../core/span.ts";
import type { Observer } from "./observer.ts";
import { type ObserveOptions, pick } from "./options.ts";

/** Items and bytes of a stream that are kept; what comes after is counted. */
const MAX_CHUNKS = 1_000;
const MAX_CHUNK_BYTES = 256 * 1024;

/** Writes what became of an observed call onto its span, and ends it. */
export class SpanObserver implements Observer {
  readonly #runtime: Runtime;
  readonly #span: RecordingSpan;
  readonly #options: ObserveOptions;
  readonly #captures: boolean;
  #chunks: unknown[] | undefined;
  #chunkBytes = 0;
  #left = 0;

  constructor(runtime: Runtime, span: RecordingSpan, options: ObserveOptions) {
    this.#runtime = runtime;
    this.#span = span;
    this.#options = options;
    this.#captures = options.captureOutput ?? runtime.captureOutput;
  }

  run<T>(fn: () => T): T {
    return runIn(this.#runtime.carrier, this.#span, fn);
  }

  chunk(value: unknown): void {
    this.#span.firstChunk();
    if (!this.#captures || this.#span.ended) return;
    const chunks = (this.#chunks ??= []);
    if (chunks.length >= MAX_CHUNKS || this.#chunkBytes >= MAX_CHUNK_BYTES) {
      this.#left++;
      return;
    }
    // Copied as it comes: the consumer may change it.
    const captured = this.#runtime.capture.value(value, `output[${chunks.length}]`);
    this.#chunkBytes += captured.bytes;
    chunks.push(captured.value ?? null);
  }

  end(value: unknown): void {
    this.#end(value);
  }

  finish(returned: unknown): void {
    const items = this.#items();
    this.#end(returned === undefined || this.#options.output !== undefined ? items : { items, returned });
  }

  fail(error: unknown): void {
    if (this.#span.ended) return;
    this.#span.fail(error);
    this.#end(this.#items());
  }

  cancel(reason?: unknown): void {
    if (this.#span.ended) return;
    const patch: SpanPatch = { attributes: { "sightline.cancelled": true } };
    if (reason !== undefined) patch.attributes = { ...patch.attributes, "sightline.cancel_reason": reason };
    this.#span.update(patch);
    this.#end(this.#items());
  }

  #items(): unknown[] | undefined {
    const chunks = this.#chunks;
    return chunks === undefined || this.#left === 0 ? chunks : [...chunks, `[${this.#left} more items]`];
  }

  #end(value: unknown): void {
    this.#chunks = undefined;
    endSpan(this.#runtime, this.#span, this.#options, value);
  }
}

/** Ends the span of a call with what it gave. */
export function endSpan(runtime: Runtime, span: RecordingSpan, options: ObserveOptions, value: unknown): void {
  const isShown = value !== undefined && !span.ended && (options.captureOutput ?? runtime.captureOutput);
  const { output } = options;
  const shown = isShown && output !== undefined ? pickOutput(output, value) : value;
  if (isShown && shown !== undefined) span.endWith(shown);
  else span.end();
}

// By itself: see `contextSpan`.
function pickOutput(output: NonNullable<ObserveOptions["output"]>, value: unknown): unknown {
  return pick(() => output(value));
}
