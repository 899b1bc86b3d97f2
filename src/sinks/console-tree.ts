import { toMillis } from "../core/clock.ts";
import { errorLine } from "../core/outline.ts";
import type { FindingRecord, HttpAttempt, ObservationType, ScoreRecord, SpanRecord } from "../core/record.ts";
import { type Row, rows, type SpanNode } from "../core/tree.ts";
import { sumUsd, totalUsd } from "../core/usd.ts";
import type { Axis, Picture } from "./console-gather.ts";
import { clean, columns, count, dollars, duration, fit, padEnd, padStart, wrap } from "./console-text.ts";

export interface Look {
  /** Columns of the terminal; no line is longer. */
  readonly width: number;
  readonly colors: boolean;
}

type Paint = (style: keyof typeof STYLES, text: string) => string;

const STYLES = { plain: 0, bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, gray: 90 };

const COLORS: { readonly [type in ObservationType]: keyof typeof STYLES } = {
  span: "gray",
  chain: "gray",
  event: "gray",
  agent: "cyan",
  generation: "magenta",
  embedding: "magenta",
  tool: "yellow",
  retriever: "blue",
  evaluator: "green",
  guardrail: "green",
};

const SEVERITIES: { readonly [severity in FindingRecord["severity"]]: keyof typeof STYLES } = {
  info: "blue",
  warning: "yellow",
  error: "red",
};

/** Deeper spans are drawn at this depth, or at an eighth of the width: branches must not push out the names. */
const MAX_DEPTH = 12;
/** Short names leave this much, so that the bars of several small traces stand under each other. */
const USUAL_LABEL = 32;
const MIN_BAR = 10;
const MAX_BAR = 40;
const GAP = "  ";

/** The picture as lines of text, each at most `width` columns, the last one empty. */
export function draw(picture: Picture, { width, colors }: Look): string {
  const paint: Paint = (style, text) =>
    colors && text && style !== "plain" ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  const shown = [...rows(picture.roots, Math.min(MAX_DEPTH, width >> 3))];
  const grid = layout(shown, width);
  const lines = [header(picture, shown, grid.width, paint)];
  for (const row of shown) {
    lines.push(spanLine(row, picture.axis!, grid, paint));
    for (const [style, text] of notes(row.node)) {
      lines.push(paint("dim", row.below) + paint(style, fit(clean(text), width - row.below.length)));
    }
    for (const [style, text] of row.node.findings.flatMap((one) => findingLines(one, width - row.below.length))) {
      lines.push(paint("dim", row.below) + paint(style, text));
    }
  }
  for (const score of picture.scores) lines.push(paint("green", fit(clean(scoreText(score)), width)));
  for (const [style, text] of picture.findings.flatMap((one) => findingLines(one, width))) {
    lines.push(paint(style, text));
  }
  return `${lines.join("\n")}\n\n`;
}

interface Grid {
  readonly width: number;
  readonly label: number;
  readonly type: number;
  readonly bar: number;
  readonly cells: readonly { readonly of: (record: SpanRecord) => string; readonly width: number }[];
}

/** Shares the width: numbers first, then names as long as bars keep a third; what has no room goes. */
function layout(shown: readonly Row[], width: number): Grid {
  const widest = (of: (row: Row) => string) => shown.reduce((max, row) => Math.max(max, columns(of(row))), 0);
  const cells = (width < 60 ? [time] : [tokens, price, time])
    .map((of) => ({ of, width: widest(({ node }) => of(node.record)) }))
    .filter((cell) => cell.width > 0);
  const right = cells.reduce((sum, cell) => sum + GAP.length + cell.width, 0);
  const type = width < 80 ? 0 : widest(({ node }) => typeText(node.record));
  const room = Math.max(0, width - right - (type && GAP.length + type));
  const wanted = widest(({ node, branch }) => branch + mark(node.record) + nameText(node.record));
  const least = Math.max(24, widest(({ branch }) => branch) + 12);
  const most = Math.max(least, room - GAP.length - Math.max(MIN_BAR, Math.floor(room / 3)));
  const label = Math.min(Math.max(wanted, USUAL_LABEL), most);
  const bar = Math.min(MAX_BAR, room - label - GAP.length);
  if (bar < MIN_BAR) return { width, label: Math.min(wanted, room), type, bar: 0, cells };
  return { width: width - room + label + GAP.length + bar, label, type, bar, cells };
}

function header(picture: Picture, shown: readonly Row[], width: number, paint: Paint): string {
  const { title, info, axis, remark } = picture;
  const tokenSum = shown.reduce((total, { node }) => total + (totalTokens(node.record) ?? 0), 0);
  const costSum = sumUsd(shown.map(({ node }) => node.record.cost));
  const errors = shown.filter(({ node }) => isOrigin(node)).length;
  const totals: [keyof typeof STYLES, string][] = [];
  if (errors > 0) totals.push(["red", `✗ ${errors} ${errors === 1 ? "error" : "errors"}`]);
  const findings = [...picture.findings, ...shown.flatMap(({ node }) => node.findings)];
  if (findings.length > 0) {
    totals.push([worst(findings), `⚑ ${findings.length} ${findings.length === 1 ? "finding" : "findings"}`]);
  }
  if (tokenSum > 0) totals.push(["bold", `${count(tokenSum)} tok`]);
  const isPartial = shown.some(
    ({ node: { record } }) => totalTokens(record) !== undefined && record.cost === undefined,
  );
  if (costSum > 0) totals.push(["bold", `${isPartial ? "≥ " : ""}${dollars(costSum)}`]);
  if (axis) totals.push(["bold", duration(axis.end - axis.start)]);
  const id = fit(clean(title), width);
  const right = () => columns(totals.map(([, text]) => text).join(GAP));
  while (totals.length > 0 && columns(id) + GAP.length + right() > width) totals.splice(-2, 1);
  const { name, userId, sessionId, environment } = info;
  const room = width - columns(id) - right();
  let about = "";
  for (const part of [remark, name, userId && `user ${userId}`, sessionId && `session ${sessionId}`, environment]) {
    const text = part ? ` · ${clean(part)}` : "";
    if (columns(about + text) <= room - GAP.length) about += text;
  }
  const numbers = totals.map(([style, text]) => paint(style, text)).join(GAP);
  return paint("cyan", id) + (numbers ? paint("dim", padEnd(about, room)) + numbers : paint("dim", about));
}

function spanLine({ node, branch }: Row, axis: Axis, grid: Grid, paint: Paint): string {
  const { record } = node;
  const failed = record.status.code === "error";
  const color = failed ? "red" : COLORS[record.type];
  const name = fit(mark(record) + nameText(record), grid.label - branch.length);
  const painted = failed ? paint("red", name) : branch === "" ? paint("bold", name) : name;
  let line = paint("dim", branch) + painted + " ".repeat(Math.max(0, grid.label - branch.length - columns(name)));
  if (grid.type > 0) line += GAP + paint(COLORS[record.type], padEnd(typeText(record), grid.type));
  if (grid.bar > 0) line += GAP + paint(color, bar(record, axis, grid.bar));
  for (const { of, width } of grid.cells)
    line += GAP + paint(of === time ? "plain" : "dim", padStart(of(record), width));
  return line.trimEnd();
}

/** Half a column is the unit: `╺` begins and `╸` ends in the middle of one. A span still open is dashed. */
function bar(record: SpanRecord, axis: Axis, width: number): string {
  const scale = axis.end > axis.start ? (2 * width) / (axis.end - axis.start) : 0;
  const at = (nanos: string) => Math.min(2 * width, Math.max(0, Math.round((toMillis(nanos) - axis.start) * scale)));
  const from = Math.min(at(record.startTime), 2 * width - 1);
  const to = scale === 0 ? 2 * width : Math.max(from + 1, at(record.endTime));
  if (record.type === "event") return padEnd(`${" ".repeat(from >> 1)}•`, width);
  const begin = " ".repeat(from >> 1) + (from % 2 === 1 ? "╺" : "");
  const whole = (record.unfinished ? "╍" : "━").repeat((to >> 1) - ((from + 1) >> 1));
  return padEnd(begin + whole + (to % 2 === 1 ? "╸" : ""), width);
}

function mark(record: SpanRecord): string {
  return record.status.code === "error" ? "✗ " : "";
}

/** The name, and the model when the name does not say it. */
function nameText({ name, genAi }: SpanRecord): string {
  const models = [genAi?.requestModel, genAi?.responseModel].filter((model) => model !== undefined);
  return clean(models.some((model) => name.includes(model)) ? name : [name, models.at(-1)].filter(Boolean).join(" "));
}

function typeText({ type }: SpanRecord): string {
  return type === "span" ? "" : type;
}

function notes(node: SpanNode): [keyof typeof STYLES, string][] {
  const { record } = node;
  const lines: [keyof typeof STYLES, string][] = [];
  const { attempts } = record.http ?? {};
  if (attempts !== undefined)
    lines.push(["yellow", `↻ ${attempts.length} attempts: ${attempts.map(outcome).join(", ")}`]);
  if (isOrigin(node)) lines.push(["red", withCause(record) || "failed"]);
  else if (record.level === "WARNING" && record.status.message) lines.push(["yellow", `! ${record.status.message}`]);
  if (record.unfinished)
    lines.push(["yellow", `unfinished${record.callSite ? `, started at ${record.callSite}` : ""}`]);
  for (const score of node.scores) lines.push(["green", scoreText(score)]);
  return lines;
}

function outcome({ status, error }: HttpAttempt): string {
  return String(status ?? error ?? "no answer");
}

/** `TypeError: fetch failed (other side closed)`: what `fetch` says is the same whatever the cause. */
function withCause(record: SpanRecord): string {
  const text = errorLine(record);
  const cause = record.error?.causes?.[0]?.message?.replace(/\s+/g, " ").trim();
  return cause === undefined || cause === "" || text.includes(cause) ? text : `${text} (${cause})`;
}

/** The span where an error arose: it is told there, and only marked on the spans that it passed on its way up. */
function isOrigin({ record, children }: SpanNode): boolean {
  if (record.status.code !== "error") return false;
  const text = errorLine(record);
  return !children.some((child) => child.record.status.code === "error" && errorLine(child.record) === text);
}

function scoreText({ name, value, comment }: ScoreRecord): string {
  return `★ ${name} ${value}${comment ? `, ${comment}` : ""}`;
}

/** What was found, and below it what to do; whole, as half a sentence of advice is none. */
function findingLines(finding: FindingRecord, width: number): [keyof typeof STYLES, string][] {
  const said = wrap(clean(`${finding.name}: ${finding.message}`), width - 2);
  const next = finding.nextStep ? wrap(clean(finding.nextStep), width - 4) : [];
  return [
    ...said.map((line, i): [keyof typeof STYLES, string] => [colorOf(finding), (i === 0 ? "⚑ " : "  ") + line]),
    ...next.map((line, i): [keyof typeof STYLES, string] => ["dim", (i === 0 ? "  → " : "    ") + line]),
  ];
}

/** A severity of a later schema is shown too. */
function colorOf({ severity }: FindingRecord): keyof typeof STYLES {
  return SEVERITIES[severity] ?? "yellow";
}

function worst(findings: readonly FindingRecord[]): keyof typeof STYLES {
  const colors = findings.map(colorOf);
  return (["red", "yellow"] as const).find((color) => colors.includes(color)) ?? "blue";
}

/** `412→88=500 tok`: input, output, and the total as the provider states it. */
function tokens({ usage }: SpanRecord): string {
  if (!usage) return "";
  const { inputTokens, outputTokens, totalTokens: total } = usage;
  if (inputTokens === undefined && outputTokens === undefined) return total === undefined ? "" : `${count(total)} tok`;
  const known = (tokens: number | undefined) => (tokens === undefined ? "?" : count(tokens));
  return `${known(inputTokens)}→${known(outputTokens)}${total === undefined ? "" : `=${count(total)}`} tok`;
}

function price(record: SpanRecord): string {
  const total = totalUsd(record.cost);
  return total === undefined ? "" : dollars(total);
}

function time({ startTime, endTime, type }: SpanRecord): string {
  return type === "event" ? "" : duration(Math.max(0, toMillis(endTime) - toMillis(startTime)));
}

function totalTokens({ usage }: SpanRecord): number | undefined {
  return usage && (usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0));
}
