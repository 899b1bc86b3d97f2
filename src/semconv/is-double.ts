/** Attributes that are doubles though their values may be whole: JSON cannot tell 1 from 1.0, receivers can. */
const DOUBLES: ReadonlySet<string> = new Set([
  "gen_ai.request.temperature",
  "gen_ai.request.top_p",
  "gen_ai.request.frequency_penalty",
  "gen_ai.request.presence_penalty",
  "gen_ai.response.time_to_first_chunk",
  "gen_ai.evaluation.score.value",
  "gen_ai.usage.cost",
]);

export function isDouble(name: string): boolean {
  return DOUBLES.has(name);
}
