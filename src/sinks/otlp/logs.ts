import { isSpanId, isTraceId } from "../../core/ids.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import type { LogEvent } from "../../semconv/log-event.ts";
import { keyValues, wellFormed } from "./any-value.ts";
import { isTime } from "./is-time.ts";
import type { LogsData, OtlpLogRecord } from "./messages.ts";
import { SCOPE } from "./scope.ts";

/** Short names of OpenTelemetry's severities, of which each has four numbers. */
const SEVERITIES = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/**
 * Events as OTLP log records. An id that OTLP cannot hold is left out: the event is then of no trace.
 *
 * @throws TypeError for a time that OTLP cannot hold: it would cost the whole batch
 */
export function logsData(events: readonly LogEvent[], resource: Attributes, schemaUrl: string | undefined): LogsData {
  if (events.length === 0) return { resourceLogs: [] };
  const url = schemaUrl === undefined ? {} : { schemaUrl };
  return {
    resourceLogs: [
      {
        resource: { attributes: keyValues(resource) },
        scopeLogs: [{ scope: SCOPE, logRecords: events.map(logRecordOf), ...url }],
        ...url,
      },
    ],
  };
}

function logRecordOf(event: LogEvent): OtlpLogRecord {
  const { severity, body, traceId, spanId, traceFlags } = event;
  if (!isTime(event.time)) throw new TypeError("an event's time is not valid");
  return {
    timeUnixNano: event.time,
    // Nobody observed it later than it was made.
    observedTimeUnixNano: event.time,
    ...(severity !== undefined && {
      severityNumber: severity,
      severityText: SEVERITIES[Math.floor((severity - 1) / 4)] ?? "",
    }),
    ...(body !== undefined && { body: { stringValue: wellFormed(body) } }),
    attributes: keyValues(event.attributes),
    ...(traceFlags !== undefined && { flags: traceFlags & 0xff }),
    ...(isTraceId(traceId) && { traceId }),
    ...(isTraceId(traceId) && isSpanId(spanId) && { spanId }),
    eventName: wellFormed(event.name),
  };
}
