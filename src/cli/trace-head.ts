import { clean, columns, count, duration, fit } from "../sinks/console-text.ts";
import type { TraceSummary } from "../store/trace-store.ts";
import { costText } from "./cost-text.ts";
import { many, timeText } from "./quantities.ts";
import type { Colors } from "./terminal.ts";

const GAP = "  ";

/** What is said of a whole trace, in as many lines as it takes; each whole part stays in one line. */
export function headText(summary: TraceSummary, width: number, colors: Colors): string {
  const { traceId, name, status, startUs, durationNs, inputTokens, outputTokens, errors, findings } = summary;
  const tokens = inputTokens === undefined && outputTokens === undefined ? 0 : (inputTokens ?? 0) + (outputTokens ?? 0);
  const state = { ok: colors.green, error: colors.red, open: colors.yellow }[status](
    status === "open" ? "still open" : status,
  );
  const worst = findings?.worst === "error" ? colors.red : colors.yellow;
  const first = [
    colors.bold(fit(clean(name), width)),
    state,
    duration(durationNs / 1e6),
    ...[costText(summary)].filter(Boolean),
    ...(tokens > 0 ? [`${count(tokens)} tok`] : []),
    many(summary.spans, "span"),
    ...(errors > 0 ? [colors.red(`✗ ${many(errors, "error")}`)] : []),
    ...(findings === undefined ? [] : [worst(`⚑ ${many(findings.count, "finding")}`)]),
    ...(summary.isRootMissing ? [colors.yellow("its root is missing")] : []),
  ];
  const { userId, sessionId, feature, team, environment, release, tags = [] } = summary;
  const facts = [
    ["trace", traceId],
    ["", timeText(startUs)],
    ["user", userId],
    ["session", sessionId],
    ["feature", feature],
    ["team", team],
    ["", environment],
    ["release", release],
    ["", tags.map((tag) => `#${tag}`).join(" ")],
  ] as const;
  const second = facts.flatMap(([label, text]) =>
    text ? colors.dim(fit(clean(`${label} ${text}`.trim()), width)) : [],
  );
  return [...filled(first, width), ...filled(second, width)].map((line) => `${line}\n`).join("");
}

/** Parts in lines of at most `width` columns. */
function filled(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : line + GAP + part;
    if (line !== "" && columns(withoutStyles(longer)) > width) {
      lines.push(line);
      line = part;
    } else line = longer;
  }
  return [...lines, line];
}

function withoutStyles(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what styles are made of
  return text.replace(/\x1b\[\d+m/g, "");
}
