import type { Attributes } from "../../semconv/attributes.ts";
import type { LogEvent } from "../../semconv/log-event.ts";
import type { LogsData } from "./messages.ts";

/** Events as OTLP log records. */
export function logsData(
  _events: readonly LogEvent[],
  _resource: Attributes,
  _schemaUrl: string | undefined,
): LogsData {
  return { resourceLogs: [] };
}
