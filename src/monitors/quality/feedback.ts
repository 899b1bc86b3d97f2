import type { ScoreRecord } from "../../core/record.ts";
import type { Counted } from "./score-windows.ts";

export interface FeedbackOptions {
  /** The name of the scores: `score({ name: "thumbs", … })`. */
  name: string;
  /** Default: `true`. */
  higherIsBetter?: boolean;
  /** Of feedback within `quality`, beside the weights of the scorers. Default: 0, so that it is a metric of its own only. */
  weight?: number;
  /** The worst and the best number that people can give: `[1, 5]` for stars. Default: `[0, 1]`. */
  range?: readonly [worst: number, best: number];
  /** What words stand for: `{ good: 1, bad: 0 }`. Others are no feedback. */
  words?: { readonly [word: string]: number };
}

/** Scores that may still be replaced. Who changes a mind after 10,000 others have spoken counts twice. */
const MAX_SCORES = 10_000;

export interface Feedback {
  /** Counts a score of the configured name, in place of an earlier one with its id. `count`: adds it to the windows. */
  take(record: ScoreRecord, count: (value: number) => Counted, uncount: (counted: Counted) => void): void;
}

/** People's own judgements, as they come in. */
export function feedbackOf(options: FeedbackOptions): Feedback {
  const taken = new Map<string, { readonly seq: number; readonly counted: Counted | undefined }>();
  return {
    take(record, count, uncount) {
      if (record.name !== options.name) return;
      const known = taken.get(record.id);
      if (known !== undefined && known.seq >= record.seq) return;
      if (known?.counted !== undefined) uncount(known.counted);
      const value = scoreOf(record.value, options);
      taken.delete(record.id);
      taken.set(record.id, { seq: record.seq, counted: value === undefined ? undefined : count(value) });
      if (taken.size > MAX_SCORES) taken.delete(taken.keys().next().value!);
    },
  };
}

/** 0 to 1, or `undefined` for what is none. */
function scoreOf(said: ScoreRecord["value"], { range = [0, 1], words = {} }: FeedbackOptions): number | undefined {
  if (typeof said === "boolean") return said ? 1 : 0;
  if (typeof said === "string") return Object.hasOwn(words, said) ? words[said] : undefined;
  const [worst, best] = range;
  const value = (said - worst) / (best - worst);
  return value >= 0 && value <= 1 ? value : undefined;
}
