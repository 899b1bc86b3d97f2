import type { SpanRecord } from "../../../core/record.ts";

/** One step of a run with the spans that it is made of: a model call, or the tools that the model called. */
export interface RunStep {
  /** The step's own id; that of its span where the API told none. */
  readonly id: string;
  readonly kind: "message" | "tool calls" | "step";
  readonly spans: readonly SpanRecord[];
  readonly isFailed: boolean;
  readonly durationNs: number;
}

/** The steps among the spans below a run, by their start. */
export function stepsOf(spans: readonly SpanRecord[]): RunStep[] {
  const byStep = new Map<string, SpanRecord[]>();
  for (const span of spans) {
    const id = span.genAi?.openai?.runStepId ?? span.spanId;
    byStep.set(id, [...(byStep.get(id) ?? []), span]);
  }
  return [...byStep].map(([id, found]) => {
    const starts = found.map(({ startTime }) => BigInt(startTime));
    const ends = found.map(({ endTime }) => BigInt(endTime));
    const hasTools = found.some(({ type }) => type === "tool");
    return {
      id,
      kind: hasTools ? "tool calls" : found.some(({ type }) => type === "generation") ? "message" : "step",
      spans: found,
      isFailed: found.some(({ status }) => status.code === "error"),
      durationNs: Number(ends.reduce((a, b) => (a > b ? a : b)) - starts.reduce((a, b) => (a < b ? a : b))),
    };
  });
}
