import type { IncomingMessage } from "node:http";
import type { SpanRecord, TraceRecord } from "../core/record.ts";
import { takeTurn } from "../core/turns.ts";
import { createOrigins } from "../formats/otlp/origin.ts";
import { otlpPieces } from "../formats/otlp/otlp-pieces.ts";
import { recordsFromOtlpLogs, type SpanContent, withContent } from "../formats/otlp/records-from-logs.ts";
import { recordsFromOtlp } from "../formats/otlp/records-from-otlp.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { countDataPoints } from "./count-metrics.ts";
import { isProtobuf, otlpAnswer, otlpRefusal } from "./otlp-answer.ts";
import type { Form, ReadBody } from "./receive.ts";
import { Refusal } from "./refusal.ts";

interface ReadOtlp extends ReadBody {
  /** Why the first of them is not kept. */
  readonly reason: string;
}

const NO_LOGS = "Of log records only scores, findings and contents of spans are kept here.";
const NO_SPAN = "The span of a content is not here: spans are to be sent before it.";
const NO_METRICS = "Metrics are not kept here; spans are: send them to /v1/traces.";

/** OTLP's spans, wherever they are sent: at the path of the standard, and at Langfuse's. */
export function takeTraces(path: "/v1/traces" | "/api/public/otel/v1/traces"): Form<ReadOtlp> {
  return {
    name: "otlp",
    path,
    async read(bytes, request) {
      const origins = createOrigins();
      const records: SpanRecord[] = [];
      let unreadable = 0;
      let reason = "";
      for (const piece of otlpPieces(bytes, typeOf(request))) {
        const read = piece === undefined ? undefined : recordsFromOtlp(piece, { origins });
        for (const record of read?.records ?? []) records.push(record);
        unreadable += read?.rejected.length ?? 0;
        reason ||= read?.rejected[0]?.reason ?? "";
        await takeTurn();
      }
      return { records, unreadable, reason };
    },
    answer({ unreadable, reason }, rejected, request) {
      const count = unreadable + rejected.length;
      return otlpAnswer("traces", request, count, count === 0 ? "" : reason || rejected[0]!.reason);
    },
    refuse: otlpRefusal,
  };
}

/** Log records that belong to traces: scores, findings, and contents of spans that came before. */
export function takeLogs(store: Pick<TraceStore, "span">): Form<ReadOtlp> {
  /** Newer records of the spans, with what they said. */
  async function spansWith(contents: readonly SpanContent[], project: string): Promise<SpanRecord[]> {
    const found = await Promise.all(
      contents.map(async (content) => {
        const span = await store.span(content.traceId, content.spanId, { project });
        return span === undefined ? [] : [withContent(span, content)];
      }),
    );
    return found.flat();
  }

  return {
    name: "otlp_logs",
    path: "/v1/logs",
    async read(bytes, request, project) {
      const origins = createOrigins();
      const records: TraceRecord[] = [];
      const newer: SpanRecord[] = [];
      let [lost, ignored, unreadable, reason] = [0, 0, 0, ""];
      for (const piece of otlpPieces(bytes, typeOf(request), "logs")) {
        const read = piece === undefined ? undefined : recordsFromOtlpLogs(piece, { origins });
        for (const record of read?.records ?? []) records.push(record);
        const contents = read?.contents ?? [];
        const spans = await spansWith(contents, project);
        for (const span of spans) newer.push(span);
        lost += contents.length - spans.length;
        ignored += read?.ignored ?? 0;
        unreadable += read?.rejected.length ?? 0;
        reason ||= read?.rejected[0]?.reason ?? "";
        await takeTurn();
      }
      for (const span of newer) records.push(span);
      reason ||= lost > 0 ? NO_SPAN : ignored > 0 ? NO_LOGS : "";
      return { records, unreadable: unreadable + lost + ignored, reason };
    },
    answer: ({ unreadable, reason }, rejected, request) =>
      otlpAnswer("logs", request, unreadable + rejected.length, reason || (rejected[0]?.reason ?? "")),
    refuse: otlpRefusal,
  };
}

export const takeMetrics: Form<ReadOtlp> = {
  name: "otlp_metrics",
  path: "/v1/metrics",
  read(bytes, request) {
    try {
      return { records: [], unreadable: countDataPoints(bytes, isProtobuf(request)), reason: NO_METRICS };
    } catch {
      throw new Refusal(400, "BAD_METRICS", "The body is no OTLP request of metrics.");
    }
  },
  answer: ({ unreadable, reason }, _, request) =>
    otlpAnswer("metrics", request, unreadable, unreadable === 0 ? "" : reason),
  refuse: otlpRefusal,
};

function typeOf({ headers }: IncomingMessage): string {
  return headers["content-type"] ?? "";
}
