import type { Writable } from "node:stream";
import { type Checks, checkOptions, isBoolean } from "../../core/check-options.ts";
import { ConfigError, SinkError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import type { Sink } from "../../sinks/sink.ts";
import { type Terminal, textStream } from "../../sinks/text-stream.ts";
import { idWindow } from "../id-window.ts";
import { type ModelCall, modelCallOf } from "../model-call.ts";
import { known, type LogLine, logLine } from "./log-line.ts";
import { flushNow, type Logger, type LoggerShape, loggerWriter } from "./loggers.ts";

export interface LogSinkOptions {
  /**
   * Your own logger: pino, winston, `console`, what is called like one of them (say `shape`), or a function that is given
   * the line. Default: none, lines go to `stream`.
   */
  logger?: Logger;
  /** How `logger` is called, where that cannot be told by its methods. */
  shape?: LoggerShape;
  /** Where the lines go, as JSON. Default: standard output, where log collectors look; our other output is on standard error. */
  stream?: Writable;
  /** By status, where it is not `INFO` for success and `ERROR` for the rest: `{ rate_limited: "WARN" }`. */
  levels?: { readonly [status in LogLine["status"]]?: LogLine["level"] };
  /** More fields, or others in the place of ours; `undefined` takes a field out. What the function throws is swallowed. */
  fields?: LogFields | ((call: ModelCall, record: SpanRecord) => LogFields);
  /**
   * One line also for a call whose record came before its end: of a long stream at a flush, of what was open at the exit.
   * Status `unfinished`; the line of its end follows if that comes. Default: false.
   */
  includeUnfinished?: boolean;
  /** Calls that are remembered, so that a record that comes again is logged once; at least 512. Default: 100,000, in 3 MB. */
  remember?: number;
  /** Default `log`. */
  name?: string;
}

export interface LogFields {
  readonly [name: string]: unknown;
}

/**
 * Writes one flat line for each model call: who, which model, how long, tokens, money, how it ended. To standard output as
 * JSON, to another stream, or through your own logger. All calls, whatever the sampling rate. The schema, and queries for
 * Elasticsearch, Datadog, CloudWatch and `jq`, are in docs/logs.md.
 *
 * Prompts and answers are in no line. A stream that is full is waited for; one that is gone, and a logger that throws, cost
 * the lines they did not take, counted in `stats()`.
 *
 * @throws ConfigError for an option that does not exist or makes no sense, and for a logger whose shape cannot be told
 * @example
 * import { logSink } from "sightline/monitors";
 * configure({ sinks: [logSink({ levels: { rate_limited: "WARN" }, fields: { service: "tutor" } })] });
 */
export function logSink(options: LogSinkOptions = {}): Sink {
  checkOptions("logSink", options, CHECKS);
  const { logger, shape, stream, levels, fields, includeUnfinished = false, remember, name = "log" } = options;
  if (logger !== undefined && stream !== undefined) {
    throw new ConfigError("CONFIG_BAD_VALUE", "logSink() takes a logger or a stream, not both.");
  }
  if (shape !== undefined && logger === undefined) {
    throw new ConfigError("CONFIG_BAD_VALUE", "logSink({ shape }) says how a logger is called: give the logger too.");
  }
  const toLogger = logger === undefined ? undefined : loggerWriter(logger, shape);
  const out = textStream(name, () => (stream ?? process.stdout) as Terminal);
  const logged = idWindow(remember);
  const begun = idWindow(includeUnfinished ? remember : MIN_REMEMBERED);

  /** `undefined` for what is no call, and for what has been logged. */
  function lineOf(record: TraceRecord): LogLine | undefined {
    if (record.record !== "span") return undefined;
    const isOpen = record.unfinished === true;
    if (isOpen && !includeUnfinished) return undefined;
    const call = modelCallOf(isOpen ? ended(record) : record);
    if (call === undefined || !(call.isCall || call.status === "refused")) return undefined;
    if (!(isOpen ? begun : logged).add(call.traceId, call.spanId)) return undefined;
    const status = isOpen ? "unfinished" : call.status;
    const level = levels?.[status] ?? (status === "success" || status === "unfinished" ? "INFO" : "ERROR");
    const line = logLine(record, call, status, level);
    if (fields === undefined) return line;
    return known({ ...line, ...more(fields, call, record) });
  }

  function linesOf(batch: readonly TraceRecord[]): string {
    let text = "";
    for (const record of batch) {
      const line = lineOf(record);
      if (line !== undefined) text += `${written(line)}\n`;
    }
    return text;
  }

  /** Each by itself: one that the logger does not take costs no other. Gives those. */
  function log(batch: readonly TraceRecord[], write: (line: LogLine) => void): SpanRecord[] {
    const refused: SpanRecord[] = [];
    for (const record of batch) {
      const line = lineOf(record);
      if (line === undefined || record.record !== "span") continue;
      const isTaken = guard(() => {
        write(line);
        return true;
      }, false);
      if (!isTaken) refused.push(record);
    }
    return refused;
  }

  if (toLogger !== undefined) {
    return {
      name,
      write: (batch) => ({ rejected: log(batch, toLogger).map(({ spanId }) => ({ spanId, reason: THREW })) }),
      writeSync(batch) {
        const remaining = log(batch, toLogger);
        guard(() => flushNow(logger!), undefined);
        if (remaining.length > 0) throw new SinkError(THREW, { retry: "never", remaining });
      },
      policy: { unsampled: true },
    };
  }
  return {
    name,
    write(batch, signal) {
      const put = () => out.print(linesOf(batch), signal);
      return out.ready(signal)?.then(put) ?? put();
    },
    writeSync(batch) {
      out.printSync(linesOf(batch))?.catch(() => {});
    },
    policy: { unsampled: true },
  };
}

/** Twice a batch, so that one that is retried is still known. */
const MIN_REMEMBERED = 512;

const THREW = "the logger threw";

/** As far as it has come. */
function ended({ unfinished: _, ...record }: SpanRecord): SpanRecord {
  return record;
}

function more(fields: NonNullable<LogSinkOptions["fields"]>, call: ModelCall, record: SpanRecord): LogFields {
  return typeof fields === "function" ? guard(() => ({ ...fields(call, record) }), {}) : fields;
}

/** What cannot be written as JSON was among the user's own fields: the line goes without what is no plain value. */
function written(line: LogLine): string {
  const text = guard(() => JSON.stringify(line), undefined);
  if (text !== undefined) return text;
  const plain = Object.entries(line).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return JSON.stringify(Object.fromEntries(plain));
}

const LEVELS: readonly unknown[] = ["DEBUG", "INFO", "WARN", "ERROR"];
const STATUSES: readonly string[] = ["success", "error", "timeout", "rate_limited", "refused", "unfinished"];

const CHECKS: Checks<LogSinkOptions> = {
  logger: [(value) => (typeof value === "object" && value !== null) || typeof value === "function", "a logger"],
  shape: [(value) => ["pino", "winston", "console"].includes(value as string), '"pino", "winston" or "console"'],
  stream: [(value) => typeof (value as Partial<Writable> | null)?.write === "function", "a writable stream"],
  levels: [isLevels, `an object of levels (${LEVELS.join(", ")}) by status (${STATUSES.join(", ")})`],
  fields: [(value) => (typeof value === "object" && value !== null) || typeof value === "function", "fields"],
  includeUnfinished: [isBoolean, "true or false"],
  remember: [
    (value) => Number.isInteger(value) && (value as number) >= MIN_REMEMBERED,
    `a whole number from ${MIN_REMEMBERED} on`,
  ],
  name: [(value) => typeof value === "string" && value !== "", "a name"],
};

function isLevels(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).every(([status, level]) => STATUSES.includes(status) && LEVELS.includes(level));
}
