import type { Describer, RequestedSpan } from "./describe.ts";
import { array, field, known, text } from "./fields.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { textMessages } from "./prompts.ts";

/** `POST /moderations`: for each input whether it is flagged, and in which categories with which scores. */
export const moderationDescriber: Describer = {
  request: (request, provider) => moderationRequest(request, provider),
  plan(call) {
    const { answer } = call;
    const responseModel = text(field(answer, "model"));
    const requested = moderationRequest(call.request, call.provider, responseModel);
    const results = field(answer, "results");
    const patch = {
      output: Array.isArray(results) ? results.map(verdict) : undefined,
      ...paidFor(field(answer, "usage")),
      genAi: known({ responseModel, responseId: text(field(answer, "id")) }),
    };
    return answeredPlan(call, { id: text(field(answer, "id")) ?? "", requested, patch, failure: errorOf(answer) });
  },
};

function moderationRequest(request: unknown, provider: string, model?: string): RequestedSpan {
  const given = field(request, "input");
  // Parts belong to one message; several texts are judged each for itself.
  const input = array(given).some((part) => typeof part === "object") ? [given] : given;
  return requestedSpan(request, provider, { verb: "moderation", type: "guardrail", input: textMessages(input) }, model);
}

function verdict(result: unknown): { flagged: boolean; categories: { [name: string]: number | null } } {
  const scores = field(result, "category_scores");
  const flagged = Object.entries(field(result, "categories") ?? {}).filter(([, isFlagged]) => isFlagged === true);
  const score = (name: string) => (typeof scores?.[name] === "number" ? (scores[name] as number) : null);
  return {
    flagged: field(result, "flagged") === true,
    categories: Object.fromEntries(flagged.map(([name]) => [name, score(name)])),
  };
}
