import { admit, ask, takeAdmission } from "../core/admission.ts";
import { BudgetExceededError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import type { Runtime } from "../core/runtime.ts";

/**
 * Why an observed function may not be called, where its span is that of a model call and a watch refuses it; `undefined`:
 * it may. Below another one that was let through it is the same call, and is asked for again only where it knows the model
 * and the outer one did not.
 */
export function refusalOf(runtime: Runtime, span: RecordingSpan): BudgetExceededError | undefined {
  if (span.type !== "generation" && span.type !== "embedding") return undefined;
  return guard(() => {
    const { provider, requestModel } = span.genAi ?? {};
    const taken = takeAdmission(span);
    const above = taken?.span.ended === false ? taken : undefined;
    if (above !== undefined && (above.askedModel !== undefined || requestModel === undefined)) {
      admit(span, above);
      return undefined;
    }
    const asked = above?.span ?? span;
    const { refuse, model } = ask(runtime, asked, { provider, model: requestModel }) ?? {};
    if (refuse !== undefined) return new BudgetExceededError(refuse.message, refuse.code);
    admit(span, { span: asked, askedModel: requestModel, model });
    return undefined;
  }, undefined);
}
