import { isPromise } from "node:util/types";
import { ConfigError } from "../../core/errors.ts";
import { swallow } from "../../core/guard.ts";
import type { LogLine } from "./log-line.ts";

/** How a logger is called. */
export type LoggerShape =
  /** `logger.info(fields, message)`: pino, Fastify's `log`, bunyan. */
  | "pino"
  /** `logger.info(message, fields)`: winston, Powertools for AWS Lambda. */
  | "winston"
  /** `logger.info(line)`, the whole line as JSON: the console, and what is like it. */
  | "console";

/** A function of your own, or an object with the methods of a logger; one that has no method for a level is given `log`. */
export type Logger = ((line: LogLine) => void) | object;

/** Hands a line over. */
export type LogWriter = (line: LogLine) => void;

/**
 * How this logger is given lines. A logger writes level and message in its own way, so its fields are without them.
 *
 * @throws ConfigError for what is no logger, and for one whose shape cannot be told
 */
export function loggerWriter(logger: Logger, shape: LoggerShape | undefined): LogWriter {
  if (typeof logger === "function" && shape === undefined) return (line) => settled(logger(line));
  const methods = logger as { readonly [name: string]: unknown };
  if (!["info", "log"].some((name) => typeof methods[name] === "function")) {
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      "logSink({ logger }) takes a function, or a logger with a method info or log: pino(), winston.createLogger(), console.",
    );
  }
  const how = shape ?? shapeOf(methods);
  if (how === undefined) {
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      "logSink({ logger }) does not know this logger: say how it is called, with shape: " +
        '"pino" (fields, message), "winston" (message, fields) or "console" (one text), or give a function.',
    );
  }
  return (line) => {
    const name = line.level.toLowerCase();
    const method = [name, name === "warn" ? "warning" : "info", "log"].find(
      (each) => typeof methods[each] === "function",
    );
    const args = ARGUMENTS[how](line);
    settled((methods[method!] as (...args: unknown[]) => unknown).apply(logger, args));
  };
}

const ARGUMENTS: { readonly [shape in LoggerShape]: (line: LogLine) => unknown[] } = {
  pino: ({ level, message, ...fields }) => [fields, message],
  winston: ({ level, message, ...fields }) => [message, fields],
  console: (line) => [JSON.stringify(line)],
};

/** By what each of them has and the others have not. */
function shapeOf(logger: { readonly [name: string]: unknown }): LoggerShape | undefined {
  if (logger === (globalThis.console as object) || isMethod(logger["table"])) return "console";
  if (isMethod(logger["bindings"]) || isMethod(logger["addSerializers"])) return "pino";
  if ("transports" in logger || isMethod(logger["appendKeys"])) return "winston";
  return undefined;
}

function isMethod(value: unknown): boolean {
  return typeof value === "function";
}

/**
 * Has a logger write out what it holds back, as the process exits. pino's own hook has run by then, or runs before our lines
 * come, so its destination is asked, which the logger or its parents have under a symbol (`pino.symbols.streamSym`).
 */
export function flushNow(logger: Logger): void {
  for (let at: object | null = logger; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const key = Object.getOwnPropertySymbols(at).find(({ description }) => description === "pino.stream");
    if (key === undefined) continue;
    (at as { [key: symbol]: { flushSync?: () => void } })[key]?.flushSync?.();
    return;
  }
}

/** A logger that answers with a promise is not waited for; that it rejects must not reach the host. */
function settled(outcome: unknown): void {
  if (isPromise(outcome)) outcome.catch(swallow);
}
