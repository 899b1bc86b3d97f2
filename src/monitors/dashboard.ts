import { ConfigError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import { showValue } from "../core/show-value.ts";
import { alertsDashboard } from "./alerts/alerts-dashboard.ts";
import { budgetsDashboard } from "./budgets/budgets-dashboard.ts";
import { incidentsDashboard } from "./incidents/incidents-dashboard.ts";
import { metricsDashboard } from "./metrics/metrics-dashboard.ts";
import type { PanelOptions } from "./panel.ts";

/** What the dashboard shows; each panel is there when its monitor is. */
export interface DashboardParts {
  readonly metrics?: Parameters<typeof metricsDashboard>[0];
  readonly budgets?: Parameters<typeof budgetsDashboard>[0];
  readonly alerts?: Parameters<typeof alertsDashboard>[0];
  readonly incidents?: Parameters<typeof incidentsDashboard>[0];
}

/**
 * Everything that is watched on one screen of a terminal, as text: calls, budgets, alerts, incidents. Lines end in `\n` and
 * are no wider than `columns`.
 *
 * @example
 * import { dashboard, metrics } from "sightline/monitors";
 * const screen = dashboard({ metrics: metrics() }, { columns: 80 });
 */
export function dashboard(parts: DashboardParts, options: PanelOptions = {}): string {
  checkParts("dashboard", parts);
  const { metrics, budgets, alerts, incidents } = parts;
  const panels = [
    metrics && metricsDashboard(metrics, options),
    budgets && budgetsDashboard(budgets, options),
    alerts && alertsDashboard(alerts, options),
    incidents && incidentsDashboard(incidents, options),
  ];
  return panels.filter((panel) => panel !== undefined).join("\n");
}

function checkParts(factory: string, parts: unknown): void {
  if (typeof parts === "object" && parts !== null) return;
  throw new ConfigError(
    "CONFIG_BAD_VALUE",
    `${factory}() takes what it shows, such as { metrics, alerts }; it got ${showValue(parts)}.`,
  );
}

export interface LiveDashboardOptions {
  /** Default: stdout. Where it is no terminal nothing is drawn. */
  readonly stream?: NodeJS.WriteStream;
  /** Milliseconds between two pictures. Default: 1,000. */
  readonly everyMs?: number;
  /** A line above the panels, asked for each picture. */
  readonly title?: () => string;
}

/** A live dashboard: draws itself over its last picture. */
export interface LiveDashboard {
  /** Now, whatever the interval. */
  draw(): void;
  /** The last picture stays. */
  stop(): void;
}

/**
 * The dashboard, drawn anew every second where the stream is a terminal, until `stop()`. It keeps no process alive.
 *
 * @example
 * import { liveDashboard, metrics } from "sightline/monitors";
 * const live = liveDashboard({ metrics: metrics() });
 * live.stop();
 */
export function liveDashboard(parts: DashboardParts, options: LiveDashboardOptions = {}): LiveDashboard {
  checkParts("liveDashboard", parts);
  const { stream = process.stdout, everyMs = 1_000, title } = options;
  let lines = 0;
  const draw = (): void => {
    if (!stream.isTTY) return;
    guard(() => {
      // One column less: a full line would wrap in some terminals.
      const columns = Math.min(stream.columns ?? 80, 120) - 1;
      const head = title === undefined ? "" : `${title()}\n\n`;
      const rows = `${head}${dashboard(parts, { columns, colors: stream.hasColors?.() ?? false })}`.split("\n");
      const shown = rows.slice(0, Math.max(1, (stream.rows ?? 50) - 1));
      // Up to where the last picture began; each line is cleared behind its end, and what is below the last.
      const up = lines > 0 ? `\u001b[${lines}A` : "";
      stream.write(`${up}${shown.map((row) => `${row}\u001b[K`).join("\n")}\u001b[J`);
      lines = shown.length - 1;
    }, undefined);
  };
  const timer = setInterval(draw, everyMs).unref();
  draw();
  return {
    draw,
    stop() {
      clearInterval(timer);
      if (!stream.isTTY) return;
      draw();
      stream.write("\n");
    },
  };
}
