import { guard } from "../../core/guard.ts";
import type { BodyReader, EventFacts } from "./body-reader.ts";
import type { Merger } from "./exchange.ts";
import { partialJson } from "./partial-json.ts";
import { createSseParser } from "./sse.ts";

/** Bytes that may wait to be parsed; more are parsed at once, so that a fast reader does not pile them up. */
const MAX_WAITING = 64 * 1024;

/** After these a stream has nothing more to say. */
const LAST_EVENTS: ReadonlySet<unknown> = new Set([
  "done",
  ...["completed", "incomplete", "failed", "cancelled"].map((status) => `response.${status}`),
  ...["completed", "incomplete", "failed", "cancelled", "expired", "requires_action"].map(
    (status) => `thread.run.${status}`,
  ),
  "image_generation.completed",
  "image_edit.completed",
  "transcript.text.done",
  "speech.audio.done",
]);

/**
 * Reads server-sent events. Bytes are parsed in a later turn of the event loop than the one in which they went on, so that
 * nobody waits for it. Beyond `maxBytes` only events that say how it ends are parsed: usage, finish reason, error, the last.
 */
export function eventBody(options: {
  readonly maxBytes: number;
  readonly merger: Merger | undefined;
  readonly onEvent?: ((name: string | undefined, data: unknown) => void) | undefined;
}): BodyReader {
  const { maxBytes, merger, onEvent } = options;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let immediate: NodeJS.Immediate | undefined;
  let bytes = 0;
  let count = 0;
  let isComplete = false;
  let error: unknown;
  let skipped = false;

  const take = (name: string | undefined, text: string): void => {
    if (text.startsWith("[DONE]")) {
      isComplete = true;
      merger?.event(name, "[DONE]");
      return;
    }
    count++;
    const isLast = LAST_EVENTS.has(name);
    const isTooMuch = bytes > maxBytes || merger?.truncated === true;
    if (isTooMuch && !isLast && !isLastByType(text) && !isVital(text)) {
      skipped = true;
      return;
    }
    tell(name, parsed(text), isLast);
  };

  const tell = (name: string | undefined, data: unknown, isLast: boolean): void => {
    if (isLast || LAST_EVENTS.has((data as { type?: unknown } | null | undefined)?.type)) isComplete = true;
    error ??= errorIn(name, data);
    merger?.event(name, data);
    onEvent?.(name, data);
  };

  /** Of an event that is too large to be kept: one that tells how the stream ended, or that an image has been made. */
  const takeLong = (name: string | undefined, head: string, tail: string): void => {
    count++;
    const data = partialJson(head, tail);
    const type = data?.["type"] ?? name;
    const isLast = LAST_EVENTS.has(type);
    if (!isLast && !isImage(type, data)) return;
    const { response } = (data ?? {}) as { response?: { output?: unknown } };
    const { output } = (merger?.result() ?? {}) as { output?: unknown };
    // The list has been cut; what came of it before counts.
    if (typeof response === "object" && Array.isArray(output)) response.output = output;
    tell(name, data, isLast);
  };

  const parser = createSseParser((name, text) => guard(() => take(name, text), undefined), {
    maxEventBytes: maxBytes,
    onLong: (name, head, tail) => guard(() => takeLong(name, head, tail), undefined),
  });

  const drain = (): void => {
    if (immediate !== undefined) clearImmediate(immediate);
    immediate = undefined;
    const chunks = waiting;
    waiting = [];
    waitingBytes = 0;
    for (const chunk of chunks) {
      bytes += chunk.length;
      guard(() => parser.push(chunk), undefined);
    }
  };

  const events: EventFacts = {
    get count() {
      return count;
    },
    get isComplete() {
      return isComplete || merger?.isComplete === true;
    },
    get isOver() {
      return isComplete;
    },
    get error() {
      return error ?? merger?.error;
    },
    get mismatch() {
      return merger?.mismatch;
    },
    get truncated() {
      return skipped || parser.truncated > 0 || merger?.truncated === true;
    },
  };

  return {
    reads: true,
    push(chunk) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes > MAX_WAITING) drain();
      else immediate ??= setImmediate(drain);
    },
    drain,
    answer: () => merger?.result(),
    events,
  };
}

/** Where an event without a name says what it is: at its beginning. */
const TYPE_WITHIN = 200;
const TYPE = /"type"\s*:\s*"([\w.]+)"/;

function isLastByType(text: string): boolean {
  return LAST_EVENTS.has(TYPE.exec(text.slice(0, TYPE_WITHIN))?.[1]);
}

/** What is cut of it is only the picture. */
function isImage(type: unknown, data: { item?: unknown } | undefined): boolean {
  const { item } = (data ?? {}) as { item?: { type?: unknown } };
  return type === "response.output_item.done" && item?.type === "image_generation_call";
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As the clients have it: an event of that name, or an object with an error that is not nothing (some hosts send `""`). */
function errorIn(name: string | undefined, data: unknown): unknown {
  if (typeof data !== "object" || data === null) return undefined;
  const { error, type } = data as { error?: unknown; type?: unknown };
  if (error) return error;
  return name === "error" || type === "error" ? data : undefined;
}

/** Found without parsing. Most chunks say `"usage":null` and `"finish_reason":null`. */
function isVital(text: string): boolean {
  return says(text, '"usage":') || says(text, '"finish_reason":') || says(text, '"error":');
}

function says(text: string, field: string): boolean {
  const at = text.lastIndexOf(field);
  if (at === -1) return false;
  const value = text[at + field.length] === " " ? text[at + field.length + 1] : text[at + field.length];
  return value === "{" || value === '"';
}
