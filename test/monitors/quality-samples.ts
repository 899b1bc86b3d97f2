import type { SpanRecord } from "../../src/core/record.ts";
import type { Sample, Scorer, Verdict } from "../../src/monitors/quality/scorer.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

/** What a scorer sees of an answer. */
export function answer(output: string, part: Partial<Sample> = {}): Sample {
  return {
    input: "",
    output,
    context: "",
    model: "gpt-4.1",
    feature: "tutor",
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    spanId: "00f067aa0ba902b7",
    finishReasons: ["stop"],
    isRefused: false,
    isCut: false,
    record: sampleSpan(),
    ...part,
  };
}

/** The value of a scorer that answers at once. */
export function scoreOf(scorer: Scorer, sample: Sample): number | undefined {
  const verdict = scorer.score(sample) as Verdict;
  return typeof verdict === "object" ? verdict.value : verdict;
}

let spans = 0;

/** A generation of a model; each has a span and a trace of its own. */
export function generation(input: string, output: string | undefined, part: Partial<SpanRecord> = {}): SpanRecord {
  const id = (++spans).toString(16);
  return sampleSpan({
    // As random as the ids of real traces.
    traceId: `0193489c5a7e7c3e${(Math.imul(spans, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0").repeat(2)}`,
    spanId: id.padStart(16, "0"),
    type: "generation",
    input: [{ role: "user", parts: [{ type: "text", content: input }] }],
    ...(output !== undefined && {
      output: [{ role: "assistant", parts: [{ type: "text", content: output }], finish_reason: "stop" }],
    }),
    genAi: { operation: "chat", requestModel: "gpt-4.1", responseModel: "gpt-4.1-2025-04-14", finishReasons: ["stop"] },
    trace: { feature: "tutor", team: "learning", userId: "user_42" },
    ...part,
  });
}

/** The three examples of the observability course. */
export const COURSE = {
  question: "Summarize the quarterly financial report focusing on revenue growth and margins",
  good: `Based on the quarterly financial report, revenue grew approximately 15% year-over-year,
reaching $2.3 billion. The growth was primarily driven by the cloud services division,
which may have benefited from increased enterprise adoption. Operating margins improved
slightly, though this could be partially attributed to one-time cost reductions.`,
  poor: `The company definitely achieved 47.3% growth in Q3 2026, making it
the fastest growing company in history. Everyone knows this was caused by their
revolutionary AI product that always outperforms all competitors. The CEO certainly
confirmed they will never face any challenges.`,
  irrelevant: `Here is a recipe for chocolate cake. Preheat oven to 350F.
Mix flour, sugar, and cocoa powder. Add eggs and milk. Bake for 30 minutes.`,
};
