import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import type { SpanRecord } from "../../core/record.ts";
import { showValue } from "../../core/show-value.ts";
import { snakeCase } from "../../semconv/snake-case.ts";

/** One answer of a model, as scorers see it. Texts are cut to a stated number of characters; a text that is not known is empty. */
export interface Sample {
  /** What was asked: the user's words since the model's last answer. */
  readonly input: string;
  /** What the model said, without its reasoning and its tool calls. */
  readonly output: string;
  /** What it should have said, where somebody knows. */
  readonly expected?: string;
  /** What else the model was given: instructions, earlier messages, what tools answered. */
  readonly context: string;
  readonly model: string | undefined;
  readonly feature: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly finishReasons: readonly string[];
  /** The provider says that the model refused, or that a filter held the answer back. */
  readonly isRefused: boolean;
  /** `output` is not the whole answer: it was cut as it was recorded, or here. */
  readonly isCut: boolean;
  /** The span that all this comes from. */
  readonly record: SpanRecord;
}

/** What a scorer says: 0 to 1. `undefined`: it cannot judge this one, which counts for nothing. Never 0.5 in its place. */
export type Verdict = number | { readonly value: number; readonly reason?: string } | undefined;

/** One judgement. Plain data and a function; state it may have. */
export interface Scorer {
  /** Snake case: the metric is `quality_<name>`. */
  readonly name: string;
  /** `false` for what is bad, such as refusals: the composite turns it round, the metric does not. */
  readonly higherIsBetter: boolean;
  score(sample: Sample): Verdict | Promise<Verdict>;
}

/** What functions from elsewhere give back: a number, yes or no, `{ value }` of ours, `{ score }` of autoevals. */
export type Judgement =
  | number
  | boolean
  | null
  | undefined
  | {
      readonly value?: number | null;
      readonly score?: number | null;
      readonly reason?: string;
      readonly metadata?: unknown;
    };

export type TextScorer = (input: string, output: string, expected?: string) => Judgement | Promise<Judgement>;

/** `args` of autoevals, and more than that. */
export type SampleScorer = (sample: any) => Judgement | Promise<Judgement>;

export interface ScorerOptions {
  /** Default: the function's own name. */
  name?: string;
  /** Default: `true`. */
  higherIsBetter?: boolean;
  /** Without an expected answer there is nothing to compare with: it is not asked then. Default: `false`. */
  needsExpected?: boolean;
  /** What the function takes. Default: by its number of parameters, `texts` from two on. */
  takes?: "texts" | "sample";
}

/**
 * Makes a scorer of a function: `(input, output, expected?) => …`, or one that takes an object with these three, such as
 * those of autoevals, which plug in as they are. It gives a number from 0 to 1, a boolean, `{ value, reason? }` or
 * `{ score, metadata? }`; nothing, or a score of `null`, for what it cannot judge; or a promise of it. A value outside of
 * 0 to 1 is no score, and is counted as a failure.
 *
 * @throws ConfigError when there is no name to call it by
 * @example
 * import { scorer } from "sightline/monitors";
 * const isPolite = scorer((_input: string, output: string) => /please|thank/i.test(output), { name: "is_polite" });
 */
export function scorer(fn: TextScorer | SampleScorer, options: ScorerOptions = {}): Scorer {
  if (typeof fn !== "function") throw bad(`scorer() takes a function; it got ${showValue(fn)}.`);
  const name = scorerName(options.name ?? fn.name);
  const takesTexts = options.takes === undefined ? fn.length >= 2 : options.takes === "texts";
  const ask = takesTexts
    ? ({ input, output, expected }: Sample) => (fn as TextScorer)(input, output, expected)
    : (sample: Sample) => (fn as SampleScorer)(sample);
  return {
    name,
    higherIsBetter: options.higherIsBetter ?? true,
    score(sample) {
      if (options.needsExpected && sample.expected === undefined) return undefined;
      const said = ask(sample);
      // Somebody else's `then` may give back nothing.
      return isPromise(said) ? Promise.resolve(said).then(verdictOf) : verdictOf(said);
    },
  };
}

/** `Levenshtein` as `levenshtein`: names are parts of the names of metrics. */
export function scorerName(name: unknown): string {
  const snake = typeof name === "string" ? snakeCase(name).replace(/^_+/, "").replaceAll(/__+/g, "_") : "";
  if (/^[a-z][a-z0-9_]{0,63}$/.test(snake)) return snake;
  throw bad(
    `"${String(name)}" is no name for a scorer: write scorer(fn, { name: "is_polite" }), letters, digits and _.`,
  );
}

/** The scorer itself, or one made of a bare function. */
export function scorerOf(given: unknown): Scorer {
  if (typeof given === "function") return scorer(given as TextScorer);
  const { name, higherIsBetter, score } = (given ?? {}) as Partial<Scorer>;
  if (typeof score !== "function") throw bad("a scorer is a function, or { name, higherIsBetter, score(sample) }.");
  if (typeof higherIsBetter !== "boolean") {
    throw bad(`the scorer "${name}" must say whether higherIsBetter is true or false.`);
  }
  if (scorerName(name) !== name)
    throw bad(`"${name}" is no name for a scorer: it takes snake case, "${scorerName(name)}".`);
  return given as Scorer;
}

/** @throws RangeError for what is no score */
export function verdictOf(said: Judgement): { readonly value: number; readonly reason?: string } | undefined {
  if (said === undefined || said === null) return undefined;
  if (typeof said === "boolean") return { value: said ? 1 : 0 };
  if (typeof said === "number") return { value: checked(said) };
  const value = said.value ?? said.score;
  if (value === undefined || value === null) return undefined;
  const reason =
    said.reason ?? guard(() => (said.metadata as { rationale?: unknown } | undefined)?.rationale, undefined);
  return { value: checked(value), ...(typeof reason === "string" && reason !== "" && { reason }) };
}

function checked(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw new RangeError(`a score is a number from 0 to 1; it was ${typeof value === "number" ? value : typeof value}`);
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_SCORER", message);
}
