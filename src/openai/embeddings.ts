import type { Describer, RequestedSpan } from "./describe.ts";
import { field, known, text } from "./fields.ts";
import { blobPart } from "./messages.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { givenTexts } from "./prompts.ts";

/** `POST /embeddings`: the texts, and how many vectors of which length came back; never the vectors. */
export const embeddingDescriber: Describer = {
  request: (request, provider) => embeddingRequest(request, provider),
  plan(call) {
    const { answer } = call;
    const responseModel = text(field(answer, "model"));
    const requested = embeddingRequest(call.request, call.provider, responseModel);
    const patch = {
      output: vectors(answer),
      ...paidFor(field(answer, "usage")),
      genAi: known({ responseModel, responseId: text(field(answer, "id")) }),
    };
    return answeredPlan(call, { requested, patch, failure: errorOf(answer) });
  },
};

function embeddingRequest(request: unknown, provider: string, model?: string): RequestedSpan {
  const input = givenTexts(field(request, "input"));
  const parameters = ["dimensions", "encoding_format"];
  return requestedSpan(request, provider, { verb: "embeddings", type: "embedding", input, parameters }, model);
}

function vectors(answer: unknown): { count: number; dimensions?: number } | undefined {
  const data = field(answer, "data");
  if (!Array.isArray(data)) return undefined;
  return { count: data.length, ...known({ dimensions: dimensions(field(data[0], "embedding")) }) };
}

/** A vector is an array of numbers, or base64 of floats of four bytes, as OpenAI's client asks for it. */
function dimensions(vector: unknown): number | undefined {
  if (typeof vector === "string") return Math.floor((blobPart("", vector)["bytes"] as number) / 4);
  return Array.isArray(vector) ? vector.length : undefined;
}
