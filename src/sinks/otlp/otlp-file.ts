import { basename, dirname, extname, join } from "node:path";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { FILE_OPTIONS, type FileSinkOptions, lineFile } from "../file.ts";
import { finalSpans } from "../final-spans.ts";
import { checkOptions } from "../options.ts";
import type { Sink } from "../sink.ts";
import { FORM_OPTIONS, type OtlpFormOptions, otlpForm } from "./form.ts";
import type { LogsData, TracesData } from "./messages.ts";

export interface OtlpFileOptions extends FileSinkOptions, OtlpFormOptions {
  /** `false`: scores, findings and contents as events are not for this sink. Default true. */
  logs?: boolean;
}

/** The `otlpjsonfile` receiver cuts longer lines in two, unless its `max_log_size` says otherwise. */
const MAX_LINE_BYTES = 1024 ** 2;

/**
 * Appends OTLP as JSON, for the collector's `otlpjsonfile` receiver and other readers of OTLP files: a `TracesData` a
 * line. Scores and findings are of another signal and go to a file beside it: `traces.jsonl`, `traces.logs.jsonl`.
 *
 * Writing, rotation and rights are those of `fileSink`. A batch is one line, or several below 1 MiB; one span that is
 * larger is still a line. A span that is open for longer than `maxOpenMs` is written when it has ended, at the latest on
 * `flush()`.
 *
 * @param env the variables; default: those of the process
 * @throws ConfigError when the path is missing, a directory or a symbolic link, or an option makes no sense
 * @example
 * import { otlpFile } from "sightline/sinks/otlp";
 * configure({ sinks: [otlpFile({ path: "./traces.jsonl" })] });
 */
export function otlpFile(options: OtlpFileOptions, env: NodeJS.ProcessEnv = process.env): Sink {
  checkOptions("otlpFile", options, { ...FILE_OPTIONS, ...FORM_OPTIONS, logs: "boolean" });
  const { path, logs: hasLogs = true } = options;
  const form = otlpForm("otlpFile", options, env);
  const spansOf = (batch: readonly TraceRecord[]) => batch.filter((record) => record.record === "span");
  const traces = lineFile("otlpFile", options, (batch) =>
    lines(spansOf(batch), (spans: readonly SpanRecord[]) => form.traces(spans)),
  );
  const logs = hasLogs
    ? lineFile("otlpFile", { ...options, path: logsPath(path) }, (batch) => lines(batch, form.logs))
    : undefined;
  const write = (batch: readonly TraceRecord[]) => {
    traces.write(batch);
    logs?.write(batch);
  };
  const prepare = hasLogs ? {} : { prepare: (record: TraceRecord) => (record.record === "span" ? record : undefined) };
  const sink: Sink = {
    name: options.name ?? `otlp-file:${basename(path)}`,
    write,
    writeSync: write,
    close() {
      traces.close();
      logs?.close();
    },
    policy: { ...traces.policy, ...prepare },
  };
  return finalSpans(sink, options.clock === undefined ? {} : { clock: options.clock });
}

function logsPath(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.logs${extname(path)}`);
}

/** Halves what is too long for a line; one record stays whole. */
function lines<R extends TraceRecord>(
  records: readonly R[],
  make: (records: readonly R[]) => TracesData | LogsData,
): string {
  if (records.length === 0) return "";
  const data = make(records);
  if ("resourceLogs" in data && data.resourceLogs.length === 0) return "";
  const line = `${JSON.stringify(data)}\n`;
  if (records.length === 1 || Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  const middle = records.length >> 1;
  return lines(records.slice(0, middle), make) + lines(records.slice(middle), make);
}
