import { CopyButton, Empty } from "../parts/index.ts";

const CODE = [
  'import { collector } from "sightline/collector";',
  'import { alerts, budgets, incidents, metrics } from "sightline/monitors";',
  "",
  "const calls = metrics();",
  'const money = budgets({ limits: [{ name: "All of us", usd: 50, per: "day" }] });',
  "const tracked = incidents();",
  "const watched = alerts({ sources: [calls, money], listeners: [tracked] });",
  "",
  "await collector({",
  "  store,",
  "  monitors: { alerts: watched, incidents: tracked, budgets: money, sinks: [calls] },",
  "});",
].join("\n");

/** Monitors are not running here: what they are, and how they would. */
export function NoMonitors() {
  return (
    <div class="no-monitors">
      <Empty icon="clock" title="No monitors run here">
        Alerts and incidents come from monitors that watch records as they arrive. A file that is only looked at has
        none; a collector can run them over everybody's records.
      </Empty>
      <div class="snippet">
        <pre>
          <code>{CODE}</code>
        </pre>
        <CopyButton text={CODE} label="Copy the program" />
      </div>
    </div>
  );
}
