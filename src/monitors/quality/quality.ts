import { systemClock } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import type { ScoreRecord, SpanRecord, TraceRecord } from "../../core/record.ts";
import type { Sink } from "../../sinks/sink.ts";
import { checkQuery } from "../check-query.ts";
import { idWindow } from "../id-window.ts";
import type { Metric, Query, Reading, Source } from "../reading.ts";
import { driftReadings, driftStreams, type StreamLabels } from "./drift-streams.ts";
import { type FeedbackOptions, feedbackOf } from "./feedback.ts";
import { isJudgePrompt, isOfJudge } from "./judge-calls.ts";
import { checkQualityOptions, entriesOf, type QualityOptions } from "./options.ts";
import { recordScores } from "./record-scores.ts";
import { isAnswer, sampleOf } from "./sample.ts";
import { type ScoreLabels, scoreWindows } from "./score-windows.ts";
import type { Sample } from "./scorer.ts";
import { type Entry, type Scored, type ScorerCounts, scoring } from "./scoring.ts";

/** What became of the answers that were offered. */
export interface QualityCounts {
  readonly scored: number;
  /** Not scored: `maxPending` was reached, or the time was over. */
  readonly skipped: number;
  /** Asked at the moment. */
  readonly pending: number;
  readonly scorers: { readonly [scorer: string]: ScorerCounts };
}

/** A sink that scores answers, and a source of what came of it. */
export interface Quality extends Sink, Source {
  counts(): QualityCounts;
  /** Learns what is usual anew, for the streams of this feature, model or prompt, or all: after a change that was meant. */
  rebaseline(which?: Partial<StreamLabels>): void;
}

/** Milliseconds that scorers may run before others have a turn. */
const SLICE_MS = 8;
/** Traces of which is known what they were, for feedback that comes later from elsewhere. */
const MAX_TRACES = 5_000;
/** Longer ones than `historyMs` have what is kept. */
const WINDOWS = { leastMs: 1, mostMs: Number.MAX_VALUE };

/**
 * Scores the answers of models off the caller's turn: each scorer's mean, a weighted composite, what people say, and a drift
 * below what was usual. Metrics: `quality`, `quality_<scorer>`, `feedback`, `quality_drift`; all 0 to 1 but the last one.
 *
 * Each span is scored once. Nothing that a scorer does comes out of it: it is counted. Memory is bounded whatever comes: 20 MB
 * at the very most.
 *
 * @throws ConfigError for options that cannot work
 * @example
 * import { quality, jsonFormat, refusal } from "sightline/monitors";
 * const scores = quality({ scorers: [{ scorer: jsonFormat(), weight: 0.7 }, { scorer: refusal(), weight: 0.3 }] });
 * configure({ sinks: [scores] });
 * scores.read("quality", { windowMs: 600_000, by: "feature" });
 */
export function quality(options: QualityOptions = {}): Quality {
  checkQualityOptions(options);
  const { share = 1, clock = systemClock, state, name = "quality", maxCharacters, historyMs = 3_600_000 } = options;
  const {
    select = isAnswer,
    expected,
    record = false,
    maxPending = 100,
    timeoutMs = 30_000,
    random = Math.random,
  } = options;
  const entries = entriesOf(options.scorers);
  const metrics = listed(entries, options.feedback);
  const places = new Map(metrics.map(({ name: metric }, at) => [metric, at]));
  const windows = scoreWindows({
    clock,
    historyMs,
    isHigherBetter: metrics.map(({ higherIsBetter }) => higherIsBetter !== false),
  });
  const streams = driftStreams(
    { ...options.drift, baseline: options.baseline },
    guard(() => state?.load(name), undefined),
  );
  const feedback = options.feedback && feedbackOf(options.feedback);
  const seen = idWindow();
  const traces = new Map<string, ScoreLabels>();
  let [scored, skipped] = [0, 0];

  const done = (result: Scored): void => {
    const { sample, judged, composite, isWhole } = result;
    scored++;
    const labels = labelsOf(sample);
    const count = (metric: string, value: number): unknown =>
      windows.add(labels, places.get(metric)!, value, sample.traceId);
    for (const { entry, value } of judged) count(`quality_${entry.scorer.name}`, value);
    if (composite !== undefined) {
      count("quality", composite);
      // A composite without one that failed is another figure, and no drop.
      if (isWhole) {
        streams.add(streamOf(sample), composite, sample.traceId, clock.monotonicMs());
        guard(() => state?.changed(name, streams.state), undefined);
      }
    }
    if (record) recordScores(result);
  };
  const scorers = scoring({ entries, maxPending, timeoutMs, done });

  const judge = (span: SpanRecord): void => {
    if (span.unfinished || isOfJudge(span) || !isInShare(span.traceId, share, random)) return;
    if (!guard(() => select(span), false) || !seen.add(span.traceId, span.spanId)) return;
    const found = guard(() => sampleOf(span, maxCharacters), undefined);
    if (found === undefined || isJudgePrompt(found.input)) return;
    remember(found);
    const wanted = expected === undefined ? undefined : guard(() => expected(found), undefined);
    const sample = typeof wanted === "string" ? { ...found, expected: wanted } : found;
    if (!scorers.judge(sample)) skipped++;
  };

  const remember = (sample: Sample): void => {
    if (feedback === undefined) return;
    traces.set(sample.traceId, labelsOf(sample));
    if (traces.size > MAX_TRACES) traces.delete(traces.keys().next().value!);
  };

  const hear = (score: ScoreRecord): void => {
    const { feature, team, userId: user } = score.trace;
    const labels = (score.traceId === undefined ? undefined : traces.get(score.traceId)) ?? { feature, team, user };
    const at = places.get("feedback")!;
    feedback?.take(score, (value) => windows.add(labels, at, value, score.traceId), windows.remove);
  };

  /** With feedback that has a weight, the composite of the window is made of both. */
  const readQuality = (query: Query): readonly Reading[] => {
    const composites = windows.read(places.get("quality")!, query);
    const { weight = 0, higherIsBetter = true } = options.feedback ?? {};
    if (weight === 0) return composites;
    const said = new Map(
      windows.read(places.get("feedback")!, query).map((each) => [JSON.stringify(each.labels), each]),
    );
    const rest = entries.reduce((sum, entry) => sum + entry.weight, 0);
    return composites.map((each) => {
      const heard = said.get(JSON.stringify(each.labels))?.value;
      if (heard === undefined || each.value === undefined) return each;
      const value = (rest * each.value + weight * (higherIsBetter ? heard : 1 - heard)) / (rest + weight);
      return { ...each, value };
    });
  };

  return {
    name,
    policy: { unsampled: true },
    metrics,
    async write(batch, signal) {
      let began = systemClock.monotonicMs();
      for (const [at, each] of batch.entries()) {
        if (signal?.aborted) {
          skipped += batch.slice(at).filter(({ record: kind }) => kind === "span").length;
          return;
        }
        if (each.record === "score") guard(() => hear(each), undefined);
        if (each.record === "span") guard(() => judge(each), undefined);
        if (systemClock.monotonicMs() - began < SLICE_MS) continue;
        await new Promise(setImmediate);
        began = systemClock.monotonicMs();
      }
    },
    // Nobody reads a score that is made as the process ends.
    writeSync: (batch: readonly TraceRecord[]) =>
      void (skipped += batch.filter((each) => each.record === "span").length),
    async flush(signal) {
      await scorers.settle(signal);
      guard(() => state?.save(), undefined);
    },
    async close(signal) {
      await scorers.settle(signal);
      guard(() => state?.save(), undefined);
    },
    read(metric, query) {
      checkQuery("quality()", metric, query, metrics, WINDOWS);
      if (metric === "quality") return readQuality(query);
      if (metric === "quality_drift") return readDrift(query);
      const at = places.get(metric);
      return at === undefined ? [] : windows.read(at, query);
    },
    counts: () => ({ scored, skipped, pending: scorers.pending, scorers: scorers.counts() }),
    rebaseline(which = {}) {
      streams.relearn(which);
      guard(() => state?.changed(name, streams.state), undefined);
    },
  };

  function readDrift({ by, where = {}, windowMs }: Query): readonly Reading[] {
    // A stream belongs to no team and no user.
    if (by === "team" || by === "user" || where.team !== undefined || where.user !== undefined) return [];
    return driftReadings(
      streams,
      by,
      clock.monotonicMs() - windowMs,
      ({ feature, model }) => feature === (where.feature ?? feature) && model === (where.model ?? model),
    );
  }
}

function listed(entries: readonly Entry[], feedback: FeedbackOptions | undefined): readonly Metric[] {
  const score = (name: string, description: string, higherIsBetter = true): Metric => ({
    name,
    unit: "score",
    description,
    higherIsBetter,
  });
  return [
    score("quality", "Weighted mean of the scores of answers, 0 to 1."),
    {
      name: "quality_drift",
      unit: "ratio",
      description: "How far quality has dropped below its baseline: CUSUM, above 1 there is a drift.",
      higherIsBetter: false,
    },
    ...(feedback ? [score("feedback", "Mean of what people say of answers, 0 to 1.", feedback.higherIsBetter)] : []),
    ...entries.map(({ scorer: { name, higherIsBetter } }) =>
      score(`quality_${name}`, `Mean of the scorer ${name}, 0 to 1.`, higherIsBetter),
    ),
  ];
}

function labelsOf({ model, record: { trace } }: Sample): ScoreLabels {
  return { model, feature: trace.feature, team: trace.team, user: trace.userId };
}

function streamOf({ feature, record: { genAi } }: Sample): StreamLabels {
  const { name = "", version = "" } = genAi?.prompt ?? {};
  return {
    feature: feature ?? "",
    model: genAi?.requestModel ?? genAi?.responseModel ?? "",
    prompt: name === "" && version === "" ? "" : `${name}@${version}`,
  };
}

/** By the end of the trace id, the part that is random and that head sampling goes by: the highest are kept first. */
function isInShare(traceId: string, share: number, random: () => number): boolean {
  if (share >= 1) return true;
  const place = Number.parseInt(traceId.slice(-12), 16) / 2 ** 48;
  // Ids from elsewhere may be no hexadecimal; chance decides for them.
  return (Number.isNaN(place) ? random() : place) >= 1 - share;
}
