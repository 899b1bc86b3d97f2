import { toMillis } from "../core/clock.ts";
import { errorLine } from "../core/outline.ts";
import type { Json, SpanRecord } from "../core/record.ts";
import { totalUsd } from "../core/usd.ts";
import { count, dollars, duration, padEnd } from "../sinks/console-text.ts";
import { timeText } from "./quantities.ts";
import type { Colors } from "./terminal.ts";

/** Of a payload below a tree; one span alone is shown in whole. */
const MAX_LINES = 24;

/** Inputs and outputs of the spans that have any. */
export function payloadsText(records: readonly SpanRecord[], width: number, colors: Colors): string {
  const parts = records
    .filter(({ input, output }) => input !== undefined || output !== undefined)
    .map((record) => {
      const head = `${colors.bold(plain(record.name))}  ${colors.dim(record.spanId)}`;
      return [
        head,
        ...payload("input", record.input, width, colors),
        ...payload("output", record.output, width, colors),
      ];
    });
  return parts.map((lines) => `\n${lines.join("\n")}\n`).join("");
}

/** All there is to say of a span. */
export function spanText(record: SpanRecord, width: number, colors: Colors): string {
  const { name, type, spanId, parentSpanId, traceId, startTime, endTime, status, error, usage, genAi } = record;
  const cost = totalUsd(record.cost);
  const isFailed = status.code === "error";
  const facts: [string, string | undefined][] = [
    ["trace", traceId],
    ["span", parentSpanId === undefined ? spanId : `${spanId}, below ${parentSpanId}`],
    ["started", `${timeText(toMillis(startTime) * 1_000)}, took ${duration(toMillis(endTime) - toMillis(startTime))}`],
    ["status", record.unfinished ? "unfinished" : isFailed ? errorLine(record) || "error" : status.code],
    ["model", [genAi?.provider, genAi?.responseModel ?? genAi?.requestModel].filter(Boolean).join(" ") || undefined],
    ["tokens", usage && `${amount(usage.inputTokens)} in, ${amount(usage.outputTokens)} out`],
    ["cost", cost === undefined ? undefined : dollars(cost)],
    ["called at", record.callSite],
  ];
  const head = `${isFailed ? colors.red("✗ ") : ""}${colors.bold(plain(name))}  ${colors.dim(type)}`;
  const lines = facts.flatMap(([label, text]) => {
    if (text === undefined || text === "") return [];
    const shown = plain(text);
    return `${colors.dim(padEnd(label, 9))}  ${label === "status" && isFailed ? colors.red(shown) : shown}`;
  });
  const rest = [
    ...payload("input", record.input, width, colors, Infinity),
    ...payload("output", record.output, width, colors, Infinity),
    ...(error?.stack === undefined ? [] : [colors.dim("stack"), ...indented(error.stack, width, Infinity)]),
    ...payload("metadata", record.metadata, width, colors, Infinity),
    ...payload("attributes", record.attributes, width, colors, Infinity),
  ];
  return `${[head, ...lines, ...rest].join("\n")}\n`;
}

function amount(tokens: number | undefined): string {
  return tokens === undefined ? "?" : count(tokens);
}

function payload(label: string, value: Json | undefined, width: number, colors: Colors, most = MAX_LINES): string[] {
  if (value === undefined) return [];
  const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
  return [colors.dim(label), ...indented(text, width, most)];
}

/** Long lines go on in the next one: a payload is there to be read, and copied. */
function indented(text: string, width: number, most: number): string[] {
  const room = width - 2;
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const shown = plain(line);
    for (let at = 0; at === 0 || at < shown.length; at += room) {
      if (lines.length === most) return [...lines, `  … ${count(text.length)} characters; --span shows them`];
      lines.push(`  ${shown.slice(at, at + room)}`);
    }
  }
  return lines;
}

/** Nothing in it moves the cursor or turns the line around. */
function plain(text: string): string {
  return text
    .replace(/\t/g, "  ")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, " ");
}
