import { type SpanTree, startNs } from "./tree.ts";

/** Time in which nothing ran that has no children: the trace waited for somebody outside. Nanoseconds. */
export interface Gap {
  readonly fromNs: number;
  readonly toNs: number;
}

/** From times of the trace to places on its axis, 0 to 1, and back. */
export interface Scale {
  toUnit(ns: number): number;
  toNs(unit: number): number;
  /** What is drawn shorter than it was; empty on a true axis. */
  readonly gaps: readonly Gap[];
  readonly durationNs: number;
}

/** A gap is worth naming when it is at least this share of the trace. */
const SHARE = 0.03;
/** How wide it is when it is compressed, of what is not compressed. */
const WIDTH = 0.02;

/** The idle times of a trace that are long enough to be worth compressing, by their beginning. */
export function idleGaps(tree: SpanTree): Gap[] {
  const { rows, end, durationNs } = tree;
  const busy: [from: number, to: number][] = [];
  for (let i = 0; i < rows.length; i++) {
    const from = startNs(tree, i);
    const to = from + rows[i]!.durationNs;
    if (end[i] === i + 1) busy.push([from, to]);
    else busy.push([from, from], [to, to]);
  }
  busy.sort((a, b) => a[0] - b[0]);
  const gaps: Gap[] = [];
  let reached = 0;
  for (const [from, to] of busy) {
    if (from - reached > SHARE * durationNs) gaps.push({ fromNs: reached, toNs: from });
    if (to > reached) reached = to;
  }
  return gaps;
}

/** Which share of the trace the gaps are. */
export function idleShare(gaps: readonly Gap[], durationNs: number): number {
  return durationNs > 0 ? gaps.reduce((sum, { fromNs, toNs }) => sum + toNs - fromNs, 0) / durationNs : 0;
}

/** An axis; true without gaps, else with the gaps drawn short. */
export function makeScale(durationNs: number, gaps: readonly Gap[] = []): Scale {
  const total = Math.max(1, durationNs);
  const kept = total - gaps.reduce((sum, { fromNs, toNs }) => sum + toNs - fromNs, 0);
  const gapWidth = Math.max(kept, total / 1e6) * WIDTH;
  // Corners of a line that is straight between them.
  const times = [0];
  const places = [0];
  for (const { fromNs, toNs } of gaps) {
    places.push(places.at(-1)! + fromNs - times.at(-1)!);
    times.push(fromNs);
    places.push(places.at(-1)! + gapWidth);
    times.push(toNs);
  }
  places.push(places.at(-1)! + total - times.at(-1)!);
  times.push(total);
  const width = places.at(-1)!;
  for (let i = 0; i < places.length; i++) places[i]! /= width;
  return {
    gaps,
    durationNs: total,
    toUnit: (ns) => between(times, places, ns),
    toNs: (unit) => between(places, times, unit),
  };
}

function between(from: readonly number[], to: readonly number[], value: number): number {
  let i = 1;
  while (i < from.length - 1 && value > from[i]!) i++;
  const span = from[i]! - from[i - 1]!;
  const share = span > 0 ? (value - from[i - 1]!) / span : 0;
  return to[i - 1]! + share * (to[i]! - to[i - 1]!);
}

/** A part of the axis. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export const WHOLE: Window = { from: 0, to: 1 };
const NARROWEST = 1e-7;

/** The window made `factor` times as wide around a place, within the axis. */
export function zoomed(window: Window, factor: number, around: number): Window {
  const width = Math.min(1, Math.max(NARROWEST, (window.to - window.from) * factor));
  const share = (around - window.from) / (window.to - window.from);
  return within(around - share * width, width);
}

/** The window moved by a part of its own width, within the axis. */
export function panned(window: Window, by: number): Window {
  const width = window.to - window.from;
  return within(window.from + by * width, width);
}

function within(from: number, width: number): Window {
  const start = Math.min(Math.max(0, from), 1 - width);
  return { from: start, to: start + width };
}

export interface Tick {
  /** 0 to 1 of the window. */
  readonly at: number;
  readonly ns: number;
}

/** Round times within the window, about `wanted` of them. */
export function ticks(scale: Scale, window: Window, wanted: number): Tick[] {
  const from = scale.toNs(window.from);
  const to = scale.toNs(window.to);
  const step = niceStep((to - from) / Math.max(1, wanted));
  const found: Tick[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (let n = Math.max(0, Math.ceil(from / step - 1e-9)); n * step <= to && found.length < 4 * wanted; n++) {
    const at = (scale.toUnit(n * step) - window.from) / (window.to - window.from);
    // Within a compressed gap they would stand on top of each other.
    if (at - last < 0.5 / wanted) continue;
    last = at;
    found.push({ at, ns: n * step });
  }
  return found;
}

function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  // Above a minute people count in sixties.
  for (const nice of [60e9, 120e9, 300e9, 600e9, 1800e9, 3600e9, 7200e9, 14400e9, 43200e9, 86400e9]) {
    if (rough > 30e9 && rough <= nice) return nice;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const n of [1, 2, 5]) if (rough <= n * power) return n * power;
  return 10 * power;
}
