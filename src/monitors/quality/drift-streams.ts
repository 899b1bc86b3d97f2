import { isObject } from "../../semconv/messages.ts";
import type { Reading } from "../reading.ts";
import { type Drift, type DriftOptions, type DriftState, driftOf, type GivenBaseline } from "./drift.ts";

/** What tells streams apart. The model as it was asked for: what is behind an alias may change, and that is a drift. */
export interface StreamLabels {
  readonly feature: string;
  readonly model: string;
  /** Name and version of the prompt, where it has one. */
  readonly prompt: string;
}

export interface DriftStreams {
  /** `nowMs` on the monotonic clock. */
  add(labels: StreamLabels, score: number, traceId: string, nowMs: number): void;
  streams(): Iterable<Readonly<Stream>>;
  relearn(which: Partial<StreamLabels>): void;
  state(): unknown;
}

/** Streams that are kept; the one without scores for longest goes. 100 scores and a sum each: some 0.3 MB. */
const MAX_STREAMS = 200;
const MAX_TRACES = 5;

export interface Stream {
  readonly labels: StreamLabels;
  readonly drift: Drift;
  /** Of the last scores that were worse than usual. */
  readonly traces: string[];
  /** When there was the last score; never yet in this process. */
  lastMs: number;
}

/** A drift for each feature, model and version of a prompt: each has its own usual. `saved`: what `state` gave to an earlier process. */
export function driftStreams(
  options: DriftOptions & { readonly baseline?: GivenBaseline | undefined },
  saved: unknown,
): DriftStreams {
  const known = new Map<string, Stream>();
  const open = (labels: StreamLabels, state?: DriftState): Stream => {
    const key = JSON.stringify([labels.feature, labels.model, labels.prompt]);
    const stream = known.get(key) ?? {
      labels,
      drift: driftOf({ ...options, ...(state && { state }) }),
      traces: [],
      lastMs: Number.NEGATIVE_INFINITY,
    };
    known.delete(key);
    known.set(key, stream);
    if (known.size > MAX_STREAMS) known.delete(known.keys().next().value!);
    return stream;
  };
  for (const { labels, state } of savedStreams(saved)) open(labels, state);
  return {
    add(labels, score, traceId, nowMs) {
      const stream = open(labels);
      const { drift, traces } = stream;
      stream.lastMs = nowMs;
      drift.add(score);
      if (drift.baseline === undefined || drift.baseline.standardise(score) >= 0) return;
      traces.push(traceId);
      if (traces.length > MAX_TRACES) traces.shift();
    },
    streams: () => known.values(),
    relearn({ feature, model, prompt }) {
      for (const { labels, drift, traces } of known.values()) {
        if (feature !== undefined && labels.feature !== feature) continue;
        if (model !== undefined && labels.model !== model) continue;
        if (prompt !== undefined && labels.prompt !== prompt) continue;
        drift.relearn();
        traces.length = 0;
      }
    },
    state: () => [...known.values()].map(({ labels, drift }) => ({ labels, state: drift.state() })),
  };
}

/** The worst stream of each group, of those that had a score since `fromMs`: what is not used any more does not drift. */
export function driftReadings(
  streams: DriftStreams,
  by: "feature" | "model" | undefined,
  fromMs: number,
  isWanted: (labels: StreamLabels) => boolean,
): readonly Reading[] {
  const worst = new Map<string, Reading>();
  for (const { labels, drift, traces, lastMs } of streams.streams()) {
    if (lastMs < fromMs || !isWanted(labels)) continue;
    const group = by === undefined ? "" : labels[by];
    const found = worst.get(group);
    const value = drift.statistic;
    if (found !== undefined && (found.value ?? -1) >= (value ?? -1)) continue;
    worst.set(group, {
      value,
      samples: drift.samples,
      labels: by === undefined ? {} : { [by]: group },
      traces: [...traces],
    });
  }
  return [...worst.values()];
}

/** Of what was read back from a file, what can be used. */
function savedStreams(saved: unknown): { labels: StreamLabels; state: DriftState }[] {
  if (!Array.isArray(saved)) return [];
  const isText = (value: unknown): boolean => typeof value === "string";
  const isNumber = (value: unknown): boolean => typeof value === "number" && value >= 0;
  return saved.filter((stream) => {
    const { labels, state } = isObject(stream) ? stream : {};
    if (!isObject(labels) || !isObject(state)) return false;
    if (![labels["feature"], labels["model"], labels["prompt"]].every(isText)) return false;
    const scores = state["scores"] ?? [];
    return isNumber(state["sum"]) && isNumber(state["samples"]) && Array.isArray(scores) && scores.every(isNumber);
  });
}
