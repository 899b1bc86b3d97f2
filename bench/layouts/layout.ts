import type { Json } from "../../src/core/json.ts";
import type { SpanRecord } from "../../src/core/record.ts";

/**
 * The plainest layout that answers the questions of a store, as the reference page describes and has measured it, to be
 * run beside ours on the same spans: what another machine has taken for it says how fast that machine was.
 */
export interface Layout {
  append(records: readonly SpanRecord[]): Promise<void>;
  /** On disk; without a log. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/** What both layouts keep of a span. */
interface Columns {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly model: string;
  readonly user: string;
  readonly session: string;
  readonly feature: string;
  readonly team: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: number;
  /** As JSON. */
  readonly attributes: string;
  readonly input: string;
  readonly output: string;
}

export function columnsOf(record: SpanRecord): Columns {
  const { trace, usage } = record;
  const startUs = Number(BigInt(record.startTime) / 1_000n);
  return {
    traceId: record.traceId,
    spanId: record.spanId,
    parentId: record.parentSpanId ?? null,
    name: record.name,
    kind: record.type,
    status: record.status.code,
    model: record.genAi?.responseModel ?? record.genAi?.requestModel ?? "",
    user: trace.userId ?? "",
    session: trace.sessionId ?? "",
    feature: trace.feature ?? "",
    team: trace.team ?? "",
    startUs,
    durationUs: Number(BigInt(record.endTime) / 1_000n) - startUs,
    inputTokens: usage?.inputTokens ?? 0,
    outputTokens: usage?.outputTokens ?? 0,
    cost: record.cost?.total ?? 0,
    attributes: JSON.stringify({ ...trace.metadata, ...record.attributes }),
    input: textOf(record.input),
    output: textOf(record.output),
  };
}

function textOf(payload: Json | undefined): string {
  return typeof payload === "string" ? payload : (JSON.stringify(payload) ?? "");
}
