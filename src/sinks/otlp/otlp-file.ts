import { basename, dirname, extname, join } from "node:path";
import { SinkError } from "../../core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { FILE_OPTIONS, type FileSinkOptions, lineFile } from "../file.ts";
import { finalSpans } from "../final-spans.ts";
import { checkOptions } from "../options.ts";
import type { Sink, WriteResult } from "../sink.ts";
import { FORM_OPTIONS, type OtlpFormOptions, otlpForm } from "./form.ts";
import { logStep } from "./log-step.ts";
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
 * larger is still a line. A span that is open for longer than `maxOpenMs` is written when it has ended; one that
 * does not goes as unfinished after ten minutes, or when the process ends. `flush()` leaves it alone.
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
  const traces = lineFile("otlpFile", options, (spans) => lines(spans as readonly SpanRecord[], form.traces));
  const logs = hasLogs
    ? lineFile("otlpFile", { ...options, path: logsPath(path) }, (batch) => lines(batch, form.logs))
    : undefined;
  const step = logStep(form);
  const write = (batch: readonly TraceRecord[]): WriteResult | undefined => {
    const spans = step.unsent(batch);
    if (spans.length > 0) {
      traces.write(spans);
      step.through(spans, 0, "");
    }
    try {
      logs?.write(batch);
      return step.finish(batch, []);
    } catch (error) {
      return step.fail(
        batch,
        error,
        batch.some(({ record }) => record === "span"),
      );
    }
  };
  const prepare = hasLogs ? {} : { prepare: (record: TraceRecord) => (record.record === "span" ? record : undefined) };
  const sink: Sink = {
    name: options.name ?? `otlp-file:${basename(path)}`,
    write,
    writeSync(batch) {
      const { rejected } = write(batch) ?? {};
      const [first] = rejected ?? [];
      if (first !== undefined) throw new SinkError(first.reason, { retry: "never", remaining: [], rejected });
    },
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
function* lines<R extends TraceRecord>(
  records: readonly R[],
  make: (records: readonly R[]) => TracesData | LogsData,
): Generator<string, void> {
  if (records.length === 0) return;
  const data = make(records);
  if ("resourceLogs" in data && data.resourceLogs.length === 0) return;
  const line = `${JSON.stringify(data)}\n`;
  if (records.length === 1 || Buffer.byteLength(line) <= MAX_LINE_BYTES) {
    yield line;
    return;
  }
  const middle = records.length >> 1;
  yield* lines(records.slice(0, middle), make);
  yield* lines(records.slice(middle), make);
}
