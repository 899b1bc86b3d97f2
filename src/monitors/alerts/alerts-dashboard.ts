import { brush, cell, type PanelOptions } from "../panel.ts";
import type { Alert } from "./alert.ts";

/** Rows: the panel shares the screen with others. */
const MAX_ROWS = 6;

/**
 * A panel for a terminal: what fires, the gravest first, then what is pending. Lines end in `\n` and are no wider than
 * `columns`.
 *
 * @example
 * import { alertsDashboard } from "sightline/monitors";
 * const panel = alertsDashboard({ all: () => [] }, { columns: 80 });
 */
export function alertsDashboard(alerts: { all(): readonly Alert[] }, options: PanelOptions = {}): string {
  const { width, paint } = brush(options);
  const all = alerts.all();
  const shown = all.filter(({ state }) => state === "firing" || state === "pending").sort(byGravity);
  const firing = shown.filter(({ state }) => state === "firing").length;
  const blind = all.filter(({ state }) => state === "no_data").length;
  const head = `${paint("Alerts", "bold")}  ${firing} firing, ${shown.length - firing} pending, ${all.length} watched${blind > 0 ? `, ${blind} without data` : ""}`;
  const rows = shown.slice(0, MAX_ROWS).map((alert) => {
    const mark = alert.state === "firing" ? "●" : "○";
    const color = alert.rule.severity <= "sev2" ? "red" : "yellow";
    const said = `${alert.message}${alert.isSilenced ? " (silenced)" : ""}${alert.isStale ? " (no data now)" : ""}`;
    return `${paint(`${mark} ${alert.rule.severity}`, alert.state === "firing" ? color : "dim")}  ${cell(said, width - 8)}`;
  });
  const more = shown.length > MAX_ROWS ? [paint(`  and ${shown.length - MAX_ROWS} more`, "dim")] : [];
  return `${[head, ...rows, ...more].map((line) => line.trimEnd()).join("\n")}\n`;
}

function byGravity(a: Alert, b: Alert): number {
  if (a.state !== b.state) return a.state === "firing" ? -1 : 1;
  return a.rule.severity < b.rule.severity ? -1 : a.rule.severity > b.rule.severity ? 1 : 0;
}
