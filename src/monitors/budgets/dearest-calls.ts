/** The traces of the calls that cost most within the last hour: they show where the money goes. */
export interface DearestCalls {
  add(traceId: string, usd: number, monotonicMs: number): void;
  traces(monotonicMs: number): string[];
}

/** What a reading may have. */
const KEPT = 5;
const HOUR_MS = 3_600_000;

export function dearestCalls(): DearestCalls {
  let calls: { readonly traceId: string; readonly usd: number; readonly at: number }[] = [];
  const isRecent = (monotonicMs: number) => (call: { readonly at: number }) => monotonicMs - call.at < HOUR_MS;
  return {
    add(traceId, usd, monotonicMs) {
      const least = calls.length < KEPT ? undefined : calls[KEPT - 1];
      if (least !== undefined && usd <= least.usd && calls.every(isRecent(monotonicMs))) return;
      const others = calls.filter((call) => call.traceId !== traceId && isRecent(monotonicMs)(call));
      const before = calls.find((call) => call.traceId === traceId)?.usd ?? 0;
      calls = [...others, { traceId, usd: Math.max(usd, before), at: monotonicMs }];
      calls = calls.sort((a, b) => b.usd - a.usd).slice(0, KEPT);
    },
    traces: (monotonicMs) => calls.filter(isRecent(monotonicMs)).map(({ traceId }) => traceId),
  };
}
