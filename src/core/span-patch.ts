/** The parts of a patch that take several forms. */
import type { Cost, GenAi, JsonObject } from "./record.ts";
import type { SpanPatch } from "./span.ts";
import { usd } from "./usd.ts";

function finite(value: unknown): number | undefined {
  // Adding 0 turns -0 into 0, as JSON does.
  return typeof value === "number" && Number.isFinite(value) ? value + 0 : undefined;
}

export function statedCost(cost: NonNullable<SpanPatch["cost"]>): Cost {
  const parts = typeof cost === "number" ? { total: cost } : cost;
  const input = finite(parts.input);
  const output = finite(parts.output);
  const tools = finite(parts.tools);
  const sum = input !== undefined && output !== undefined ? usd(input + output + (tools ?? 0)) : undefined;
  const total = finite(parts.total) ?? sum;
  return {
    currency: "USD",
    ...(total !== undefined && { total }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(tools !== undefined && { tools }),
    source: "provided",
  };
}

export function genAiOf(patch: SpanPatch): GenAi | undefined {
  const { genAi, model, provider, modelParameters } = patch;
  if (model === undefined && provider === undefined && modelParameters === undefined) return genAi;
  return {
    ...genAi,
    ...(model !== undefined && { requestModel: String(model) }),
    ...(provider !== undefined && { provider: String(provider) }),
    ...(modelParameters !== undefined && { parameters: modelParameters as JsonObject }),
  };
}
