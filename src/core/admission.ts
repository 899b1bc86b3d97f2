import type { StartingCall, Verdict } from "./call-watch.ts";
import type { NonRecordingSpan } from "./non-recording-span.ts";
import type { RecordingSpan } from "./recording-span.ts";
import { type Runtime, shared } from "./runtime.ts";
import type { Span } from "./span.ts";

/** An observed model call that was let through: the first request that is made below its span is that call. */
export interface Admission {
  /** For which it was asked. */
  readonly span: RecordingSpan;
  /** As it was asked for; a request may know it where the function does not. */
  readonly askedModel: string | undefined;
  /** What it is to be made with instead. */
  readonly model: string | undefined;
}

/** Shared by the span that was let through and all that start below it, until one of them makes the call. */
interface Held {
  readonly holder: RecordingSpan;
  admission: Admission | undefined;
}

/** Asks those who watch whether the call may be made whose record this span will be. */
export function ask(
  runtime: Runtime,
  span: RecordingSpan,
  { provider, model, canReroute }: Pick<StartingCall, "provider" | "model" | "canReroute">,
): Verdict | undefined {
  // Of a call that has ended they would not hear the end.
  if (span.ended) return undefined;
  const { traceId, spanId, trace } = span;
  const asked = { traceId, spanId, provider, model, trace: trace.info };
  return runtime.modelCalls?.starting(canReroute === false ? { ...asked, canReroute } : asked);
}

export function admit(holder: RecordingSpan, admission: Admission): void {
  admissions().set(holder, { holder, admission });
}

/** What starts below an admitted span may make its call, however deep. */
export function inheritAdmission(parent: object | undefined, child: RecordingSpan): void {
  const held = heldBy(parent);
  if (held?.admission !== undefined) admissions().set(child, held);
}

/** The admission that holds at a span, once. Who held it says that the call has a record of its own, below. */
export function takeAdmission(span: Span | undefined): Admission | undefined {
  const held = heldBy(span);
  const admission = held?.admission;
  if (held === undefined || admission === undefined) return undefined;
  held.admission = undefined;
  if (!held.holder.ended) held.holder.update({ attributes: CALLED_BELOW });
  return admission;
}

const CALLED_BELOW = { "sightline.model.called_below": true };

function heldBy(span: object | undefined): Held | undefined {
  if (span === undefined) return undefined;
  const known = admissions();
  const held = known.get(span);
  if (held !== undefined) return held;
  // Below a span of another tracer.
  const { enclosing } = span as Partial<NonRecordingSpan>;
  return enclosing === undefined ? undefined : known.get(enclosing);
}

function admissions(): WeakMap<object, Held> {
  return shared("admissions", () => new WeakMap<object, Held>());
}
