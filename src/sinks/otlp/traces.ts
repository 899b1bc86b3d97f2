import type { SpanRecord } from "../../core/record.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import type { TracesData } from "./messages.ts";

/** What a destination makes of records. */
export interface TracesForm {
  /** Of the process; `service.version` and `deployment.environment.name` come from each record's trace. */
  readonly resource: Attributes;
  readonly schemaUrl: string | undefined;
  readonly span: (record: SpanRecord) => { readonly name: string; readonly attributes: Attributes };
}

/** Records as OTLP has them, in groups of one resource. */
export function tracesData(_records: readonly SpanRecord[], _form: TracesForm): TracesData {
  return { resourceSpans: [] };
}
