import type { StartingCall, Verdict } from "./call-watch.ts";
import type { RecordingSpan } from "./recording-span.ts";
import { type Runtime, shared } from "./runtime.ts";

/** An observed model call that was let through: the first request that is made right below its span is that call. */
export interface Admission {
  readonly span: RecordingSpan;
  /** As it was asked for; a request may know it where the function does not. */
  readonly askedModel: string | undefined;
  /** What it is to be made with instead. */
  readonly model: string | undefined;
}

/** Asks those who watch whether the call may be made whose record this span will be. */
export function ask(
  runtime: Runtime,
  span: RecordingSpan,
  { provider, model }: Pick<StartingCall, "provider" | "model">,
): Verdict | undefined {
  // Of a call that has ended they would not hear the end.
  if (span.ended) return undefined;
  const { traceId, spanId, trace } = span;
  return runtime.modelCalls?.starting({ traceId, spanId, provider, model, trace: trace.info });
}

export function admit(admission: Admission): void {
  admissions().set(admission.span, admission);
}

/** The admission of a span, once. */
export function takeAdmission(span: object | undefined): Admission | undefined {
  if (span === undefined) return undefined;
  const admission = admissions().get(span);
  if (admission !== undefined) admissions().delete(span);
  return admission;
}

function admissions(): WeakMap<object, Admission> {
  return shared("admissions", () => new WeakMap<object, Admission>());
}
