import { brush, cell, type PanelOptions } from "../panel.ts";
import type { Incident } from "./incident.ts";
import { oneLine } from "./markdown.ts";
import { durationText, timeText } from "./time-text.ts";

const BAR = 10;
/** Below this the title needs the room. */
const WITH_BAR = 72;
/** Rows of open incidents: the panel shares the screen with others. */
const MAX_ROWS = 8;

/**
 * A panel for a terminal: the open incidents with their clocks against the runbook's expected minutes, the most severe
 * first; the last resolved one where none is open. Lines end in `\n` and are no wider than `columns`.
 *
 * @example
 * import { incidents, incidentsDashboard } from "sightline/monitors";
 * const panel = incidentsDashboard(incidents(), { columns: 80 });
 */
export function incidentsDashboard(incidents: { all(): readonly Incident[] }, options: PanelOptions = {}): string {
  const { width, paint } = brush(options);
  const all = incidents.all();
  const open = all
    .filter(({ status }) => status !== "resolved")
    .sort((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0));
  const waiting = open.filter(({ acknowledgedAt }) => acknowledgedAt === undefined).length;
  const head = paint("Incidents", "bold");
  if (open.length === 0) {
    const last = all.filter(({ resolvedAt }) => resolvedAt !== undefined).at(-1);
    const line = `  none open${last === undefined ? "" : `; last: ${oneLine(last.title)}, resolved ${timeText(last.resolvedAt as number)} after ${durationText(last.clocks.openMs)}`}`;
    return `${head}\n${paint(cell(line, width).trimEnd(), "green")}\n`;
  }
  const summary = `  ${open.length} open, ${waiting} not acknowledged`;
  const rows = open.slice(0, MAX_ROWS).flatMap((incident) => {
    const { severity, level, status, clocks, acknowledgedBy, timeline } = incident;
    const clock = clockText(clocks, width >= WITH_BAR);
    const color = severity === "sev1" || severity === "sev2" ? "red" : "yellow";
    const room = width - clock.length - 10;
    const title = `${paint(`● ${severity}`, color)}  ${cell(incident.title, room)}`;
    const who = acknowledgedBy === undefined ? status : `${status} (${oneLine(acknowledgedBy)})`;
    const last = timeline.at(-1);
    const detail = cell(`         ${level}  ${who}${last === undefined ? "" : `  ${last.text}`}`, width).trimEnd();
    return [`${title}  ${paint(clock, clocks.isOverdue ? "red" : "dim")}`, paint(detail, "dim")];
  });
  const more = open.length > MAX_ROWS ? [`  and ${open.length - MAX_ROWS} more`] : [];
  return `${[`${head}${summary}`, ...rows, ...more].join("\n")}\n`;
}

/** `12 min of 15 min ████████░░`. */
function clockText({ episodeMs, expectedMs, isOverdue }: Incident["clocks"], hasBar: boolean): string {
  const took = durationText(episodeMs).padStart(10);
  if (expectedMs === undefined) return took;
  const text = `${took} of ${durationText(expectedMs).padEnd(6)}`;
  if (!hasBar) return text.trimEnd();
  const full = isOverdue ? BAR : Math.floor((episodeMs / expectedMs) * BAR);
  return `${text} ${"█".repeat(full)}${"░".repeat(BAR - full)}`;
}
