import type { GenAi } from "../core/record.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { type AttributeKey, type AttributeType, PREFIXES, REGISTRY } from "./registry.ts";
import { snakeCase } from "./snake-case.ts";

/** By wire names, in the order in which they win where a request has several for one thing. */
const PARAMETERS: ReadonlyMap<string, AttributeKey> = new Map([
  ["temperature", "temperature"],
  ["top_p", "topP"],
  ["top_k", "topK"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  // The newest of OpenAI's three names for it first.
  ["max_output_tokens", "maxTokens"],
  ["max_completion_tokens", "maxTokens"],
  ["max_tokens", "maxTokens"],
  ["stop", "stopSequences"],
  ["stop_sequences", "stopSequences"],
  ["seed", "seed"],
  ["n", "choiceCount"],
  ["reasoning_effort", "reasoningLevel"],
  ["encoding_format", "encodingFormats"],
  ["encoding_formats", "encodingFormats"],
  ["dimensions", "dimensions"],
  ["stream", "stream"],
  ["service_tier", "requestServiceTier"],
]);

/** Values that the conventions leave out. */
const DEFAULTS: { readonly [key in AttributeKey]?: unknown } = {
  choiceCount: 1,
  requestServiceTier: "auto",
  stream: false,
};

/**
 * Request parameters as `gen_ai.request.*`; those without a name in the conventions as `sightline.request.*` by their wire
 * names. What is not set (`null`) is left out, and so are `n: 1`,
 * `stream: false` and `service_tier: "auto"`, by the conventions. CamelCase is read like snake case.
 */
export function putParameters(out: AttributeWriter, { parameters }: GenAi, operation: string | undefined): void {
  if (typeof parameters !== "object" || parameters === null) return;
  const left = new Map(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined));
  const byWireName = new Map([...left.keys()].map((name) => [snakeCase(name), name]));
  const taken = new Set<AttributeKey>();
  for (const [wireName, parameter] of PARAMETERS) {
    const name = byWireName.get(wireName);
    if (name === undefined || taken.has(parameter)) continue;
    const value = left.get(name);
    left.delete(name);
    taken.add(parameter);
    if (DEFAULTS[parameter] === value) continue;
    const key = parameter === "topK" && operation === "retrieval" ? "retrievalTopK" : parameter;
    out.put(key, asTyped(value, REGISTRY[out.profile][key].type));
  }
  out.putEach(PREFIXES.request, Object.fromEntries(left));
}

/** A list may come as its only item, and the numbers of a form come as text. */
function asTyped(value: unknown, type: AttributeType): unknown {
  if (typeof value !== "string") return value;
  if (type === "string[]") return [value];
  const isNumber = (type === "int" || type === "double") && value.trim() !== "" && Number.isFinite(Number(value));
  return isNumber ? Number(value) : value;
}
