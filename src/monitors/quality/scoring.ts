import { swallow } from "../../core/guard.ts";
import { isPromise, type Sample, type Scorer, type Verdict, verdictOf } from "./scorer.ts";

export interface Entry {
  readonly scorer: Scorer;
  readonly weight: number;
  /** Only answers of these features. */
  readonly features?: ReadonlySet<string> | undefined;
}

export interface Judged {
  readonly entry: Entry;
  readonly value: number;
  readonly reason?: string;
}

export interface Scored {
  readonly sample: Sample;
  readonly judged: readonly Judged[];
  /** Weighted mean of those that could judge; `undefined` where none could, or none has a weight. */
  readonly composite: number | undefined;
  /** Every scorer has spoken, if only to say that it cannot judge. */
  readonly isWhole: boolean;
}

export interface ScorerCounts {
  readonly scored: number;
  /** It could not judge. */
  readonly undecided: number;
  /** It threw, rejected, or gave what is no score from 0 to 1. */
  readonly failed: number;
  readonly timedOut: number;
  readonly lastError?: string;
}

export interface Scoring {
  /** Asks the scorers; `done` is called at once, or when the last one has answered. False: no room, nothing was asked. */
  judge(sample: Sample): boolean;
  /** Waits for those that are asked, until the signal comes. */
  settle(signal?: AbortSignal): Promise<void>;
  counts(): { readonly [scorer: string]: ScorerCounts };
  readonly pending: number;
}

/** A timer of more than 31 bits fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const FAILED = Symbol("failed");

/** Runs scorers on answers. Nothing that they do comes out of it; what fails is counted. */
export function scoring(options: {
  readonly entries: readonly Entry[];
  readonly maxPending: number;
  readonly timeoutMs: number;
  readonly done: (scored: Scored) => void;
}): Scoring {
  const { entries, maxPending, timeoutMs, done } = options;
  const tallies = new Map(entries.map(({ scorer: { name } }) => [name, newTally()]));
  /** Those whose last answer was a promise. */
  const slow = new Set<Scorer>();
  const waiting = new Set<Promise<void>>();

  const fail = (scorer: Scorer, error: unknown, count: "failed" | "timedOut" = "failed"): typeof FAILED => {
    const tally = tallies.get(scorer.name)!;
    tally[count]++;
    tally.lastError = messageOf(error);
    if (count === "failed") swallow(error);
    return FAILED;
  };

  const begin = (scorer: Scorer, sample: Sample): Verdict | typeof FAILED | Promise<Verdict> => {
    try {
      const said = scorer.score(sample);
      if (!isPromise(said)) {
        slow.delete(scorer);
        // Plain from here on: it is waited for together with promises, which asks an object for its `then` again.
        return verdictOf(said);
      }
      slow.add(scorer);
      // Somebody else's `then` may throw, or call back twice.
      return Promise.resolve(said);
    } catch (error) {
      return fail(scorer, error);
    }
  };

  const finish = (sample: Sample, asked: readonly Entry[], said: readonly (Verdict | typeof FAILED)[]): void => {
    let isWhole = true;
    const judged = asked.flatMap((entry, at): Judged[] => {
      const verdict = checked(entry.scorer, said[at]);
      if (verdict === FAILED) isWhole = false;
      if (verdict === FAILED || verdict === undefined) return [];
      return [{ entry, ...verdict }];
    });
    done({ sample, judged, composite: composite(judged), isWhole });
  };

  const checked = (scorer: Scorer, said: Verdict | typeof FAILED): ReturnType<typeof verdictOf> | typeof FAILED => {
    if (said === FAILED) return FAILED;
    const tally = tallies.get(scorer.name)!;
    try {
      const verdict = verdictOf(said);
      tally[verdict === undefined ? "undecided" : "scored"]++;
      return verdict;
    } catch (error) {
      return fail(scorer, error);
    }
  };

  /** Resolves to what is said in time; what comes later is not heard. The timer keeps no process alive. */
  const inTime = (scorer: Scorer, said: Promise<Verdict>): Promise<Verdict | typeof FAILED> =>
    new Promise((resolve) => {
      let isOver = false;
      const end = (verdict: () => Verdict | typeof FAILED): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        resolve(verdict());
      };
      const late = (): void => end(() => fail(scorer, `no answer within ${timeoutMs} ms`, "timedOut"));
      const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS)).unref();
      said.then(
        (verdict) => end(() => verdict),
        (error) => end(() => fail(scorer, error)),
      );
    });

  return {
    judge(sample) {
      const asked = entries.filter(
        ({ features }) => features === undefined || (sample.feature !== undefined && features.has(sample.feature)),
      );
      if (waiting.size >= maxPending && asked.some(({ scorer }) => slow.has(scorer))) return false;
      const said = asked.map(({ scorer }) => begin(scorer, sample));
      if (!said.some((each) => each instanceof Promise)) finish(sample, asked, said as (Verdict | typeof FAILED)[]);
      else {
        const all = said.map((each, at) => (each instanceof Promise ? inTime(asked[at]!.scorer, each) : each));
        const end: Promise<void> = Promise.all(all)
          .then((verdicts) => finish(sample, asked, verdicts))
          .catch(swallow)
          .finally(() => waiting.delete(end));
        waiting.add(end);
      }
      return true;
    },
    async settle(signal) {
      if (waiting.size === 0 || signal?.aborted) return;
      let leave = (): void => {};
      const aborted = new Promise<void>((resolve) => {
        leave = resolve;
        signal?.addEventListener("abort", leave);
      });
      await Promise.race([Promise.all(waiting), aborted]);
      signal?.removeEventListener("abort", leave);
    },
    counts: () => Object.fromEntries([...tallies].map(([name, tally]) => [name, { ...tally }])),
    get pending() {
      return waiting.size;
    },
  };
}

type Tally = { -readonly [K in keyof ScorerCounts]: ScorerCounts[K] };

function newTally(): Tally {
  return { scored: 0, undecided: 0, failed: 0, timedOut: 0 };
}

/** What is better when lower is turned round first. */
function composite(judged: readonly Judged[]): number | undefined {
  let [sum, weights] = [0, 0];
  for (const { entry, value } of judged) {
    sum += entry.weight * (entry.scorer.higherIsBetter ? value : 1 - value);
    weights += entry.weight;
  }
  return weights === 0 ? undefined : sum / weights;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, 200);
}
