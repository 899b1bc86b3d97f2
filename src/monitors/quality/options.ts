import { checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import type { SpanRecord } from "../../core/record.ts";
import { isObject } from "../../semconv/messages.ts";
import type { State } from "../state.ts";
import type { DriftOptions, GivenBaseline } from "./drift.ts";
import type { FeedbackOptions } from "./feedback.ts";
import { hedging } from "./hedging.ts";
import { lexicalOverlap } from "./lexical-overlap.ts";
import { refusal } from "./refusal.ts";
import { repetition } from "./repetition.ts";
import { type Sample, type SampleScorer, type Scorer, scorerOf, type TextScorer } from "./scorer.ts";
import type { Entry } from "./scoring.ts";

/** A scorer, or a function that is made one under its own name. */
export type ScorerInput = Scorer | TextScorer | SampleScorer;

export interface QualityOptions {
  /** Default: `lexicalOverlap` 0.4, `refusal` 0.3, `repetition` 0.2, `hedging` 0.1. */
  scorers?: readonly (
    | ScorerInput
    | { readonly scorer: ScorerInput; readonly weight?: number; readonly features?: readonly string[] }
  )[];
  /** The share of answers that are scored, by trace: the same traces that head sampling keeps first. Default: 1. */
  share?: number;
  /** Scores of this name that people give. Default: none. */
  feedback?: FeedbackOptions;
  /** What drift is measured against. Default: learned from the first scores of each feature, model and prompt version. */
  baseline?: GivenBaseline;
  drift?: DriftOptions;
  /** What the answer should have been, where somebody knows. */
  expected?: (sample: Sample) => string | undefined;
  /** Which spans are scored. Default: answers of models, see `isAnswer`. Not asked of what a judge asked. */
  select?: (record: SpanRecord) => boolean;
  /** Each score becomes a record on the trace, `quality_<scorer>`, and the composite `quality`. Default: `false`. */
  record?: boolean;
  /** Answers whose scorers have not spoken yet. Those beyond are not scored. Default: 100. */
  maxPending?: number;
  /** Milliseconds for a scorer that gives a promise. Default: 30,000. */
  timeoutMs?: number;
  /** Characters of each text that scorers get. Default: 20,000. */
  maxCharacters?: number;
  /** Milliseconds of the longest window that can be asked for. Default: an hour. */
  historyMs?: number;
  /** Where baselines are kept from one process to the next. */
  state?: State;
  clock?: Clock;
  /** Decides for traces whose ids are no hexadecimal whether they are in the share. Default: `Math.random`. */
  random?: () => number;
  /** Default: `quality`. Of several in one process each needs its own. */
  name?: string;
}

/** Fewer scores than that are no baseline: false alarms double. */
const MIN_BASELINE = 50;

/** Throws a `ConfigError` for what cannot work. */
export function checkQualityOptions(options: QualityOptions): void {
  const isAbove = (value: unknown): boolean =>
    typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY;
  const positive = [isAbove, "a number above 0"] as const;
  const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
  checkOptions("quality", options, {
    scorers: [(value) => Array.isArray(value) && value.length > 0, "a list of scorers"],
    share: [(value) => isAbove(value) && (value as number) <= 1, "a share, above 0 and up to 1"],
    feedback: [(value) => isObject(value) && isText(value["name"]), '{ name: "thumbs", … }'],
    baseline: [isBaseline, `{ mean, sd }, or at least ${MIN_BASELINE} scores from 0 to 1`],
    drift: [isObject, "{ k, h, learn, minSamples }"],
    expected: [isFunction, "a function, (sample) => text"],
    select: [isFunction, "a function, (record) => boolean"],
    record: [isBoolean, "true or false"],
    maxPending: positive,
    timeoutMs: positive,
    maxCharacters: positive,
    historyMs: positive,
    state: [(value) => isObject(value) && isFunction(value["load"]), "a state such as stateFile(path)"],
    clock: [(value) => isObject(value) && isFunction(value["monotonicMs"]), "a clock"],
    random: [isFunction, "a function, () => number from 0 to 1"],
    name: [isText, "a name"],
  });
  const { drift = {}, feedback } = options;
  checkOptions("quality({ drift })", drift, {
    k: [(value) => typeof value === "number" && value >= 0, "a number from 0 on"],
    h: positive,
    learn: [
      (value) => Number.isInteger(value) && (value as number) >= MIN_BASELINE,
      `a whole number from ${MIN_BASELINE} on`,
    ],
    minSamples: positive,
  });
  if (feedback !== undefined) checkFeedback(feedback);
}

function checkFeedback(feedback: FeedbackOptions): void {
  const isWeight = (value: unknown): boolean => typeof value === "number" && value >= 0;
  checkOptions("quality({ feedback })", feedback, {
    name: [(value) => !/^quality(?:_|$)/.test(String(value)), "a name that is not one of the scores made here"],
    higherIsBetter: [isBoolean, "true or false"],
    weight: [isWeight, "a weight from 0 on"],
    range: [
      (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] !== value[1],
      "[worst, best], two different numbers",
    ],
    words: [
      (value) => isObject(value) && Object.values(value).every((each) => isWeight(each) && (each as number) <= 1),
      "{ [word]: 0 to 1 }",
    ],
  });
}

function isBaseline(value: unknown): boolean {
  const isScore = (score: unknown): boolean => typeof score === "number" && score >= 0 && score <= 1;
  if (Array.isArray(value)) return value.length >= MIN_BASELINE && value.every(isScore);
  return isObject(value) && isScore(value["mean"]) && typeof value["sd"] === "number" && (value["sd"] as number) >= 0;
}

/** The scorers with their weights; 1 where none is said. */
export function entriesOf(scorers: QualityOptions["scorers"] = defaultScorers()): Entry[] {
  const entries = scorers.map((given): Entry => {
    if (!isObject(given) || !("scorer" in given)) return { scorer: scorerOf(given), weight: 1 };
    const { scorer, weight = 1, features } = given as { scorer: unknown; weight?: unknown; features?: unknown };
    const made = scorerOf(scorer);
    if (typeof weight !== "number" || !(weight >= 0))
      throw bad(`the weight of "${made.name}" must be a number from 0 on.`);
    if (features !== undefined && !Array.isArray(features))
      throw bad(`the features of "${made.name}" must be a list of names.`);
    return { scorer: made, weight, ...(features !== undefined && { features: new Set(features as string[]) }) };
  });
  const names = entries.map(({ scorer }) => scorer.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at || name === "drift");
  if (twice !== undefined)
    throw bad(`the name "${twice}" is taken: give another one, scorer(fn, { name }) or { ...scorer, name }.`);
  return entries;
}

/**
 * The course weighs format 0.3, hedging 0.4 and relevance 0.3. Which format is right nobody but you knows, so there is none
 * here; and hedging, which hears the tone and not the truth, is the least and not the most. What is sure, a refusal or an
 * answer that runs in circles, makes up for it.
 */
function defaultScorers(): { scorer: Scorer; weight: number }[] {
  return [
    { scorer: lexicalOverlap(), weight: 0.4 },
    { scorer: refusal(), weight: 0.3 },
    { scorer: repetition(), weight: 0.2 },
    { scorer: hedging(), weight: 0.1 },
  ];
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VALUE", `quality({ scorers }): ${message}`);
}
