import { SinkError } from "../../core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import type { WriteResult } from "../sink.ts";
import type { OtlpForm } from "./form.ts";

export type Rejected = NonNullable<WriteResult["rejected"]>;

/** The second of the two steps in which OTLP takes a batch: first its spans, then its log records. */
export interface LogStep {
  /** The spans that have to be sent: those whose contents have to come again as events are through. */
  unsent(batch: readonly TraceRecord[]): readonly SpanRecord[];
  /** These spans are through. The first `count` of them stand for those that the receiver rejected. */
  through(spans: readonly SpanRecord[], count: number, reason: string): void;
  /** Ends a batch of which the log records are through. */
  finish(batch: readonly TraceRecord[], rejected: Rejected): WriteResult | undefined;
  /**
   * Ends a batch of which the log records are not through. Refused for good where spans are taken (`takesSpans`), they are
   * rejected: neither key nor address is wrong.
   *
   * @throws SinkError with what has to come again; or with nothing, when contents are lost that nothing else counts
   */
  fail(batch: readonly TraceRecord[], error: unknown, takesSpans: boolean): WriteResult | undefined;
}

export function logStep(form: OtlpForm): LogStep {
  /** Spans that are through while their contents are not, with why they were rejected: a lane keeps them as they are. */
  const halfway = new WeakMap<TraceRecord, string | undefined>();

  function rejectedSpans(batch: readonly TraceRecord[]): Rejected {
    const rejected: Rejected[number][] = [];
    for (const record of batch) {
      const reason = halfway.get(record);
      if (reason !== undefined) rejected.push({ spanId: record.spanId ?? "", reason });
      halfway.delete(record);
    }
    return rejected;
  }

  function finish(batch: readonly TraceRecord[], rejected: Rejected): WriteResult | undefined {
    const all = [...rejected, ...rejectedSpans(batch)];
    return all.length === 0 ? undefined : { rejected: all };
  }

  return {
    unsent: (batch) => batch.filter((record) => isSpan(record) && !halfway.has(record)) as SpanRecord[],
    through(spans, count, reason) {
      for (const [i, span] of spans.entries()) halfway.set(span, i < count ? reason : undefined);
    },
    finish,
    fail(batch, error, takesSpans) {
      if (!(error instanceof SinkError)) throw error;
      const { message, retry, reason, retryAfterMs, code } = error;
      const waiting = batch.filter((record) => !isSpan(record) || form.logs([record]).resourceLogs.length > 0);
      const others = batch.filter((record) => !isSpan(record));
      // Stripped of its contents it would be another record, and be sent again.
      const isTooLarge = retry === "split" && waiting.length === 1 && others.length === 0;
      const isRefused = retry === "never" && (takesSpans || code === "OTLP_UNSUPPORTED");
      const isOver = isTooLarge || isRefused;
      const remaining = isOver ? [] : waiting;
      const left = new Set<TraceRecord>(remaining);
      const refused = isOver ? others.map(({ spanId = "" }) => ({ spanId, reason: message })) : [];
      const result = finish(
        batch.filter((record) => !left.has(record)),
        refused,
      );
      if (isOver && waiting.length === others.length) return result;
      throw new SinkError(message, { retry, reason, retryAfterMs, code, remaining, rejected: result?.rejected });
    },
  };
}

function isSpan(record: TraceRecord): record is SpanRecord {
  return record.record === "span";
}
