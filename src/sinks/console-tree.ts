import { toMillis } from "../core/clock.ts";
import { errorLine } from "../core/outline.ts";
import type { ObservationType, ScoreRecord, SpanRecord, TraceInfo } from "../core/record.ts";
import { type Row, rows, type SpanNode } from "../core/tree.ts";
import { clean, columns, count, dollars, duration, fit, padEnd, padStart } from "./console-text.ts";

/** What is printed at once: a whole trace, or what arrived after it. */
export interface Picture {
  readonly traceId: string;
  readonly info: TraceInfo;
  readonly roots: readonly SpanNode[];
  /** Scores that belong to no span of the picture. */
  readonly scores: readonly ScoreRecord[];
  /** The time axis, epoch milliseconds. */
  readonly axis: Axis;
  /** Said in the header: `late, under get_response`. */
  readonly remark?: string;
}

export interface Axis {
  readonly start: number;
  readonly end: number;
}

export interface Look {
  /** Columns of the terminal; no line is longer. */
  readonly width: number;
  readonly colors: boolean;
}

type Paint = (style: keyof typeof STYLES, text: string) => string;

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, gray: 90 };

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

/** Deeper spans are drawn at this depth, or at an eighth of the width: branches must not push out the names. */
const MAX_DEPTH = 12;
const MIN_BAR = 10;
/** Wider, and the eye loses the line between a name and its time. */
const MAX_BAR = 44;
const GAP = "  ";

/** The picture as lines of text, each at most `width` columns, the last one empty. */
export function draw(picture: Picture, { width, colors }: Look): string {
  const paint: Paint = (style, text) => (colors && text ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text);
  const shown = [...rows(picture.roots, Math.min(MAX_DEPTH, width >> 3))];
  const grid = layout(shown, width);
  const lines = [header(picture, shown, grid.width, paint)];
  for (const row of shown) {
    lines.push(spanLine(row, picture.axis, grid, paint));
    for (const [style, text] of notes(row.node)) {
      lines.push(paint("dim", row.below) + paint(style, fit(clean(text), width - row.below.length)));
    }
  }
  for (const score of picture.scores) lines.push(paint("green", fit(clean(scoreText(score)), width)));
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
  const label = Math.min(wanted, Math.max(least, room - GAP.length - Math.max(MIN_BAR, Math.floor(room / 3))));
  const bar = Math.min(MAX_BAR, room - label - GAP.length);
  if (bar < MIN_BAR) return { width, label: Math.min(wanted, room), type, bar: 0, cells };
  return { width: width - room + label + GAP.length + bar, label, type, bar, cells };
}

function header({ traceId, info, axis, remark }: Picture, shown: readonly Row[], width: number, paint: Paint): string {
  const sum = (of: (record: SpanRecord) => number | undefined) =>
    shown.reduce((total, { node }) => total + (of(node.record) ?? 0), 0);
  const [tokenSum, costSum] = [sum(totalTokens), sum(totalCost)];
  const errors = shown.filter(({ node }) => isOrigin(node)).length;
  const totals: [keyof typeof STYLES, string][] = [];
  if (errors > 0) totals.push(["red", `✗ ${errors} ${errors === 1 ? "error" : "errors"}`]);
  if (tokenSum > 0) totals.push(["bold", `${count(tokenSum)} tok`]);
  if (costSum > 0) totals.push(["bold", dollars(costSum)]);
  totals.push(["bold", duration(axis.end - axis.start)]);
  const id = `trace ${shortId(traceId)}`;
  const right = () => columns(totals.map(([, text]) => text).join(GAP));
  while (totals.length > 1 && id.length + GAP.length + right() > width) totals.splice(-2, 1);
  const { name, userId, sessionId, environment } = info;
  const who = [remark, name, userId && `user ${userId}`, sessionId && `session ${sessionId}`, environment];
  const room = width - id.length - right();
  const about = fit(who.flatMap((text) => (text ? ` · ${clean(text)}` : [])).join(""), room - GAP.length);
  return paint("cyan", id) + paint("dim", padEnd(about, room)) + totals.map(([style, text]) => paint(style, text)).join(GAP);
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
  for (const { of, width } of grid.cells) line += GAP + paint(of === time ? "bold" : "dim", padStart(of(record), width));
  return line.trimEnd();
}

/** Half a column is the unit: `╺` begins and `╸` ends in the middle of one. A span still open is dashed. */
function bar(record: SpanRecord, axis: Axis, width: number): string {
  const scale = axis.end > axis.start ? (2 * width) / (axis.end - axis.start) : 0;
  const at = (nanos: string) => Math.min(2 * width, Math.max(0, Math.round((toMillis(nanos) - axis.start) * scale)));
  const from = Math.min(at(record.startTime), 2 * width - 1);
  const to = scale === 0 ? 2 * width : Math.max(from + 1, at(record.endTime));
  if (record.type === "event") return padEnd(`${" ".repeat(from >> 1)}•`, width);
  const full = record.unfinished ? "╍" : "━";
  let text = "";
  for (let cell = 0; cell < width; cell++) {
    const [left, right] = [from <= 2 * cell && to > 2 * cell, from <= 2 * cell + 1 && to > 2 * cell + 1];
    text += left ? (right ? full : "╸") : right ? "╺" : " ";
  }
  return text;
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
  if (isOrigin(node)) lines.push(["red", errorLine(record) || "failed"]);
  else if (record.level === "WARNING" && record.status.message) lines.push(["yellow", `! ${record.status.message}`]);
  if (record.unfinished) lines.push(["yellow", `unfinished${record.callSite ? `, started at ${record.callSite}` : ""}`]);
  for (const score of node.scores) lines.push(["green", scoreText(score)]);
  return lines;
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

function tokens({ usage }: SpanRecord): string {
  if (!usage) return "";
  const { inputTokens, outputTokens, totalTokens: total } = usage;
  if (inputTokens === undefined && outputTokens === undefined) return total === undefined ? "" : `${count(total)} tok`;
  return `${inputTokens === undefined ? "?" : count(inputTokens)}→${outputTokens === undefined ? "?" : count(outputTokens)} tok`;
}

function price(record: SpanRecord): string {
  const total = totalCost(record);
  return total === undefined ? "" : dollars(total);
}

function time({ startTime, endTime, type }: SpanRecord): string {
  return type === "event" ? "" : duration(Math.max(0, toMillis(endTime) - toMillis(startTime)));
}

function totalTokens({ usage }: SpanRecord): number | undefined {
  return usage && (usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0));
}

function totalCost({ cost }: SpanRecord): number | undefined {
  if (!cost || (cost.total === undefined && cost.input === undefined && cost.output === undefined)) return undefined;
  return cost.total ?? (cost.input ?? 0) + (cost.output ?? 0);
}

/** A UUIDv7 layout begins with the time, so that neighbours differ in the end only. */
function shortId(traceId: string): string {
  return traceId.length > 17 ? `${traceId.slice(0, 8)}…${traceId.slice(-8)}` : traceId;
}
