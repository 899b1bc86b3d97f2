import { admit, ask } from "../core/admission.ts";
import { BudgetExceededError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import type { Runtime } from "../core/runtime.ts";

/**
 * Why an observed function may not be called, where its span is that of a model call and a watch refuses it; `undefined`:
 * it may.
 */
export function refusalOf(runtime: Runtime, span: RecordingSpan): BudgetExceededError | undefined {
  if (span.type !== "generation" && span.type !== "embedding") return undefined;
  return guard(() => {
    const { provider, requestModel } = span.genAi ?? {};
    const verdict = ask(runtime, span, { provider, model: requestModel });
    const { refuse, model } = verdict ?? {};
    if (refuse !== undefined) return new BudgetExceededError(refuse.message, refuse.code);
    admit({ span, askedModel: requestModel, model });
    return undefined;
  }, undefined);
}
