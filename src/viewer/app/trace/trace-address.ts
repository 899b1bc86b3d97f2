import { effect, type ReadonlySignal } from "@preact/signals";
import { route, setParams } from "../router.ts";
import { WHOLE, type Window } from "./scale.ts";
import type { View } from "./trace-model.ts";

/** Browsers refuse to have the address changed with every key. */
const SETTLE_MS = 200;

/** What a link to a trace brings back. */
export interface TraceAddress {
  readonly selectedId: ReadonlySignal<string | undefined>;
  readonly view: ReadonlySignal<View>;
  readonly query: ReadonlySignal<string>;
  readonly window: ReadonlySignal<Window>;
  readonly isCompressed: ReadonlySignal<boolean>;
}

/** The address follows what is shown, at leisure, and it leads: `onSpan` is told of a link to another span of this trace. */
export function keepAddress(traceId: string, shown: TraceAddress, onSpan: (spanId: string) => void): () => void {
  let settle: ReturnType<typeof setTimeout> | undefined;
  const endFollowing = effect(() => {
    const { selectedId, view, query, window, isCompressed } = shown;
    const state = {
      span: selectedId.value,
      view: view.value === "waterfall" ? undefined : view.value,
      find: query.value || undefined,
      zoom: window.value === WHOLE ? undefined : writeWindow(window.value),
      gaps: isCompressed.value ? "short" : undefined,
    };
    clearTimeout(settle);
    settle = setTimeout(() => {
      const now = route.peek();
      if (now.page === "trace" && now.parts[0] === traceId) setParams(state);
    }, SETTLE_MS);
  });
  const endLeading = effect(() => {
    const { page, parts, params } = route.value;
    if (page !== "trace" || parts[0] !== traceId) return;
    const wanted = params.get("span") ?? undefined;
    if (wanted !== undefined && wanted !== shown.selectedId.peek()) onSpan(wanted);
  });
  return () => {
    clearTimeout(settle);
    endFollowing();
    endLeading();
  };
}

/** `0.25-0.5`: shares of the axis, which `gaps=short` makes another one. What is none is everything. */
export function readWindow(text: string | null): Window {
  const [from, to] = (text ?? "").split("-").map(Number);
  return from !== undefined && to !== undefined && from >= 0 && to <= 1 && to > from ? { from, to } : WHOLE;
}

function writeWindow({ from, to }: Window): string | undefined {
  return to - from > 0.999 ? undefined : `${round(from)}-${round(to)}`;
}

/** Enough for a microsecond of an hour. */
function round(share: number): number {
  return Math.round(share * 1e9) / 1e9;
}
