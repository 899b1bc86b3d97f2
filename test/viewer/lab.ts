/** A collector with the viewer, two hundred traces of an afternoon and an incident, for tests of the viewer's pages. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildViewer } from "../../scripts/build-viewer.js";
import { collector } from "../../src/collector/index.ts";
import type { ScoreRecord, SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { alerts, budgets, type Incidents, incidents, metrics } from "../../src/monitors/index.ts";
import { memoryStore } from "../../src/store/index.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { alertEvent } from "../monitors/incidents-support.ts";

export interface PagesServer {
  readonly url: string;
  readonly store: TraceStore;
  readonly incidents: Incidents;
  readonly incidentId: string;
  close(): Promise<void>;
}

export const TRACES = 200;
/** Text that would run, if it were taken for anything but text. */
export const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

export async function pagesServer(): Promise<PagesServer> {
  const assets = await mkdtemp(join(tmpdir(), "sightline-pages-"));
  await buildViewer(assets);
  const store = memoryStore();
  const now = Date.now();
  for (let n = 0; n < TRACES; n++) await store.append(traceOf(n, now - (TRACES - n) * 60_000));
  const calls = metrics();
  const money = budgets({ limits: [{ name: "All of us", usd: 5, per: "day" }] });
  const tracked = incidents();
  const watched = alerts({ sources: [calls], listeners: [], everyMs: false });
  watched.evaluate();
  tracked.alert(alertEvent("firing", now - 120_000, { name: HOSTILE }, { traces: [traceId(7)] }));
  const monitors = { alerts: watched, incidents: tracked, budgets: money, sinks: [calls] };
  const server = await collector({ store, port: 0, assets, prices: false, monitors });
  return {
    url: server.url,
    store,
    incidents: tracked,
    incidentId: tracked.all()[0]!.id,
    async close() {
      await server.close({ timeoutMs: 500 });
      await watched.close?.();
      await store.close();
      await rm(assets, { recursive: true, force: true });
    },
  };
}

export function traceId(n: number): string {
  return (n + 1).toString(16).padStart(32, "0");
}

/** The n-th trace: every tenth fails, every other one is of a session; those from 100 on have another model and prompt. */
export function traceOf(n: number, startMs: number): TraceRecord[] {
  const isLate = n >= 100;
  const hasFailed = n % 10 === 7;
  const model = isLate ? "gpt-4.1-mini" : "gpt-4.1";
  const trace = {
    name: "Tutor.answer",
    userId: n === 42 ? HOSTILE : `user_${n % 8}`,
    ...(n % 2 === 0 && { sessionId: `chat-${n % 6}` }),
    feature: ["tutor", "search"][n % 2]!,
    team: ["learning", "platform"][n % 2]!,
    environment: "test",
    metadata: { plan: n % 3 === 0 ? "pro" : "free" },
  };
  const at = (ms: number) => `${Math.round(startMs + ms)}000000`;
  const span = (id: number, part: Partial<SpanRecord>): SpanRecord =>
    sampleSpan({ traceId: traceId(n), spanId: id.toString(16).padStart(16, "0"), trace, ...part });
  const root = span(1, {
    name: "Tutor.answer",
    type: "agent",
    startTime: at(0),
    endTime: at(2_000 + n * 10),
    input: { question: n === 42 ? HOSTILE : `Question ${n}: what is algebra?` },
    ...(hasFailed
      ? { status: { code: "error", message: "429" }, error: { type: "RateLimitError", message: "429", status: 429 } }
      : { output: `Answer ${n}` }),
  });
  const call = span(2, {
    parentSpanId: root.spanId,
    name: `chat ${model}`,
    type: "generation",
    startTime: at(100),
    endTime: at(1_800 + n * 10),
    genAi: { provider: "openai", requestModel: model, responseModel: model },
    usage: { inputTokens: 1_000 + n, outputTokens: 100 },
    cost: { currency: "USD", total: isLate ? 0.001 : 0.01, source: "computed" },
    input: [
      { role: "system", content: `You are a tutor.\n${isLate ? "Always cite." : "Be friendly."}\nAnswer briefly.` },
      { role: "user", content: `Question ${n}` },
    ],
    output: { role: "assistant", content: `Answer ${n}` },
    ...(hasFailed && { status: { code: "error" }, error: { type: "RateLimitError", status: 429 } }),
  });
  const log = span(3, { parentSpanId: root.spanId, name: "log", startTime: at(1_900), endTime: at(1_950) });
  const score: ScoreRecord = sampleScore({ id: `score-${n}`, traceId: traceId(n), time: at(2_000), value: 0.8, trace });
  return [root, call, ...(isLate ? [log] : []), score];
}
