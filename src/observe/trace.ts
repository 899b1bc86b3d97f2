import { contextSpan, runIn } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { isSuppressed, NonRecordingSpan } from "../core/non-recording-span.ts";
import type { JsonObject, TraceInfo } from "../core/record.ts";
import { activeRuntime, type Runtime, slot } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { mergeTraceInfo } from "../core/trace.ts";

/** Attributes of a whole trace, as users write them: any metadata, which is copied and masked. */
export interface TracePatch extends Omit<TraceInfo, "metadata"> {
  metadata?: Record<string, unknown>;
}

/**
 * Sets attributes of the current trace. They reach every record of it that has not been sent yet, also those of spans
 * that ended before the call. Tags are united, metadata is merged, the rest is replaced.
 *
 * @example
 * updateTrace({ userId: "u-1", sessionId: "s-9", tags: ["beta"] });
 */
export function updateTrace(patch: TracePatch): void {
  const runtime = activeRuntime();
  const span = runtime === null ? undefined : contextSpan(runtime);
  if (runtime === null || span === undefined) {
    if (runtime !== null) slot.lateUpdates++;
    return;
  }
  updateTraceOf(runtime, span, patch);
}

/** `updateTrace` for a span at hand. */
export function updateTraceOf(runtime: Runtime, span: Span, patch: TracePatch): void {
  guard(() => {
    const info = readPatch(runtime, patch);
    const { trace, reason } = span as NonRecordingSpan;
    if (trace !== undefined) trace.info = mergeTraceInfo(trace.info, info);
    else if (reason === "seed") (span as NonRecordingSpan).info = mergeTraceInfo((span as NonRecordingSpan).info, info);
  }, undefined);
}

/**
 * Runs `fn` with trace attributes: inside a trace they are set on it, outside they are given to every trace that starts
 * within `fn`.
 *
 * @example
 * withTrace({ userId, sessionId }, () => tutor.answer(question));
 */
export function withTrace<T>(patch: TracePatch, fn: () => T): T {
  const runtime = activeRuntime();
  if (runtime === null) return fn();
  const span = contextSpan(runtime);
  // By its fields and not by its class: the span may be another loaded copy's.
  const { trace, info: outer = {}, witness } = (span ?? {}) as Partial<NonRecordingSpan>;
  if (isSuppressed(span)) return fn();
  if (span !== undefined && trace !== undefined) {
    updateTraceOf(runtime, span, patch);
    return fn();
  }
  const info = guard(() => mergeTraceInfo(outer, readPatch(runtime, patch)), outer);
  return runIn(runtime.carrier, new NonRecordingSpan("seed", { info, witness }), fn);
}

const TEXTS = ["name", "userId", "sessionId", "feature", "team", "release", "version", "environment"] as const;

function readPatch(runtime: Runtime, patch: TracePatch): TraceInfo {
  const info: { -readonly [K in keyof TraceInfo]: TraceInfo[K] } = {};
  for (const key of TEXTS) {
    const value: unknown = patch[key];
    if (value === undefined || value === null) continue;
    info[key] = key === "userId" ? runtime.capture.userId(String(value)) : runtime.capture.text(String(value));
  }
  if (Array.isArray(patch.tags)) info.tags = patch.tags.map((tag) => runtime.capture.text(String(tag)));
  if (patch.public !== undefined) info.public = patch.public === true;
  if (typeof patch.metadata === "object" && patch.metadata !== null)
    info.metadata = runtime.capture.value(patch.metadata, "trace.metadata").value as JsonObject;
  return info;
}
