/** The image generation tool of the Responses API runs a model of its own, whose tokens are beside those of the response. */
import type { Cost, Usage } from "../core/record.ts";
import { normalizeUsage } from "../core/usage.ts";
import { totalUsd, usd } from "../core/usd.ts";
import type { PriceBook, PriceRequest } from "./price-book.ts";
import { isStandardTier } from "./service-tiers.ts";

const PREFIX = "image_gen.";

/** The cost of a call whose usage may have tokens of an image model in it: these are part of `tools`. */
export function costWithImages(
  book: PriceBook,
  request: PriceRequest,
  imageModel: string | undefined,
  why: (reason: string) => void,
): Cost | undefined {
  const { serviceTier, ...call } = request;
  if ((request.usage.extra?.["image_generation_calls"] ?? 0) > 0) {
    why("the tokens of its image generation are not known");
    return undefined;
  }
  const images = imageUsage(request.usage);
  if (images === undefined) return book.price(request, why);
  if (imageModel === undefined || !isStandardTier(serviceTier)) {
    why(imageModel === undefined ? "image generation by an unknown model" : `images at service tier "${serviceTier}"`);
    return undefined;
  }
  const cost = book.price({ ...request, usage: withoutImages(request.usage) }, why);
  if (cost === undefined) return undefined;
  why(`image generation by ${imageModel}`);
  const imageCost = totalUsd(book.price({ ...call, model: imageModel, usage: images }, why));
  const total = totalUsd(cost);
  if (imageCost === undefined || total === undefined) return undefined;
  return { ...cost, total: usd(total + imageCost), tools: usd((cost.tools ?? 0) + imageCost) };
}

/** As the image model's own call would have it. Without details, what it put out is images. */
function imageUsage({ extra = {} }: Usage): Usage | undefined {
  const counts = Object.entries(extra).filter(([name]) => name.startsWith(PREFIX));
  const own = Object.fromEntries(counts.map(([name, count]) => [name.slice(PREFIX.length), count]));
  const usage = normalizeUsage(own);
  if (usage === undefined) return undefined;
  // A count of zero is not on the record where there are others.
  const { inputTokens = 0, outputTokens = 0, textOutputTokens = 0 } = usage;
  return {
    ...usage,
    inputTokens,
    outputTokens,
    imageOutputTokens: usage.imageOutputTokens ?? outputTokens - textOutputTokens,
  };
}

function withoutImages({ extra = {}, ...usage }: Usage): Usage {
  const rest = Object.entries(extra).filter(([name]) => !name.startsWith(PREFIX));
  return rest.length === 0 ? usage : { ...usage, extra: Object.fromEntries(rest) };
}
