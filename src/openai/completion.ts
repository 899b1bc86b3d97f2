import type { SpanPatch } from "../core/span.ts";
import { completionId, finishReasons, incompleteReason } from "./chat.ts";
import type { Describer, RequestedSpan } from "./describe.ts";
import { array, field, known, seconds, text } from "./fields.ts";
import { finishReason, type ModelMessage, textPart } from "./messages.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { textMessages } from "./prompts.ts";

/** The legacy `POST /completions`: a prompt in, text out. Many compatible servers still have it. */
export const completionDescriber: Describer = {
  request: (request, provider) => completionRequest(request, provider),
  plan(call) {
    const { answer } = call;
    const responseModel = text(field(answer, "model"));
    const output = choices(answer);
    const cut = incompleteReason(output);
    const patch: SpanPatch = {
      output,
      ...paidFor(field(answer, "usage")),
      ...(cut !== undefined && { level: "WARNING", statusMessage: `incomplete: ${cut}` }),
      genAi: known({
        responseModel,
        responseId: text(field(answer, "id")),
        finishReasons: finishReasons(output),
        openai: known({
          systemFingerprint: text(field(answer, "system_fingerprint")),
          createdAt: seconds(field(answer, "created")),
          incompleteReason: cut,
        }),
      }),
    };
    const requested = completionRequest(call.request, call.provider, responseModel);
    return answeredPlan(call, { id: completionId(answer), requested, patch, failure: errorOf(answer) });
  },
};

const PARAMETERS = [
  "temperature",
  "top_p",
  "max_tokens",
  "n",
  "best_of",
  "echo",
  "seed",
  "stop",
  "suffix",
  "frequency_penalty",
  "presence_penalty",
  "logit_bias",
  "logprobs",
  "stream",
];

function completionRequest(request: unknown, provider: string, model?: string): RequestedSpan {
  const input = textMessages(field(request, "prompt"));
  const facts = { verb: "text_completion", type: "generation", input, parameters: PARAMETERS } as const;
  return requestedSpan(request, provider, facts, model);
}

function choices(answer: unknown): ModelMessage[] | undefined {
  const messages = array(field(answer, "choices")).map((choice) => {
    const said = text(field(choice, "text"));
    const finish_reason = finishReason(field(choice, "finish_reason"));
    return { role: "assistant", parts: said === undefined ? [] : [textPart(said)], ...known({ finish_reason }) };
  });
  return messages.length === 0 ? undefined : messages;
}
