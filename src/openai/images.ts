import type { Usage } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import type { Describer, RequestedSpan } from "./describe.ts";
import { array, field, known, picked, text } from "./fields.ts";
import { blobPart, contentParts, type ModelMessage, type Part, uriPart } from "./messages.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { textMessages } from "./prompts.ts";

/** `POST /images/generations`, `/images/edits` and `/images/variations`: the addresses or sizes of the images, never their bytes. */
export const imageDescriber: Describer = {
  request: (request, provider) => imageRequest(request, provider),
  plan(call) {
    const { answer } = call;
    const made = picked(answer, ["size", "quality", "background", "output_format"]);
    const { usage, cost } = paidFor(field(answer, "usage"));
    const patch: SpanPatch = known({
      output: images(answer),
      usage: withImageTokens(usage),
      cost,
      metadata: made,
      genAi: known({ responseModel: text(field(answer, "model")) }),
    });
    const requested = imageRequest(call.request, call.provider);
    return answeredPlan(call, { requested, patch, failure: errorOf(answer) });
  },
};

const PARAMETERS = [
  "n",
  "size",
  "quality",
  "style",
  "background",
  "moderation",
  "input_fidelity",
  "output_format",
  "output_compression",
  "response_format",
  "partial_images",
  "stream",
];

function imageRequest(request: unknown, provider: string): RequestedSpan {
  const input = withImages(textMessages(field(request, "prompt")), field(request, "images"));
  const genAi = { outputType: "image" } as const;
  const facts = { verb: "generate_content", type: "generation", input, parameters: PARAMETERS, genAi } as const;
  return requestedSpan(request, provider, facts);
}

/** Edits as JSON name the images that they start from; those of a form are bytes, and not read. */
function withImages(messages: ModelMessage[] | undefined, images: unknown): ModelMessage[] | undefined {
  const given = array(images).map((image) => ({
    type: "input_image",
    ...(typeof image === "object" ? image : { image_url: image }),
  }));
  if (given.length === 0) return messages;
  return [{ role: "user", parts: [...(messages?.[0]?.parts ?? []), ...contentParts(given)] }];
}

function images(answer: unknown): ModelMessage[] | undefined {
  const data = field(answer, "data");
  if (!Array.isArray(data)) return undefined;
  const format = text(field(answer, "output_format"));
  return [{ role: "assistant", parts: data.map((image) => imagePart(image, format && `image/${format}`)) }];
}

function imagePart(image: unknown, mimeType: string | undefined): Part {
  const url = text(field(image, "url"));
  const part = url === undefined ? blobPart("image", field(image, "b64_json"), mimeType) : uriPart("image", url);
  return { ...part, ...known({ revised_prompt: text(field(image, "revised_prompt")) }) };
}

/** Before there were details, all that an image model put out was images; audio and text have prices of their own. */
function withImageTokens(usage: Usage | undefined): Usage | undefined {
  const { imageOutputTokens, textOutputTokens, outputTokens } = usage ?? {};
  if (outputTokens === undefined || imageOutputTokens !== undefined || textOutputTokens !== undefined) return usage;
  return { ...usage, imageOutputTokens: outputTokens };
}
