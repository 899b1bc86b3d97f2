/** A source that says what it is told to say, and alerts over it on a clock that stands still. */
import { type FakeClock, fakeClock } from "sightline/testing";
import type { AlertEvent, AlertListener, AlertRule } from "../../src/monitors/alerts/alert.ts";
import { type Alerts, type AlertsOptions, alerts } from "../../src/monitors/alerts/alerts.ts";
import type { Query, Reading, Source } from "../../src/monitors/reading.ts";
import type { State } from "../../src/monitors/state.ts";

export interface Lab {
  readonly clock: FakeClock;
  readonly watch: Alerts;
  readonly events: AlertEvent[];
  /** First looks at what is well. */
  readonly first: AlertEvent[];
  /** Time passes, then `evaluate`. */
  after(ms: number, value?: Said): readonly AlertEvent[];
  /** `pending>firing`, with `!` where people are told. */
  story(): string[];
  say(value: Said): void;
}

export type Said = number | undefined | readonly Reading[] | Error | ((query: Query) => readonly Reading[]);

export const RULE: AlertRule = {
  name: "High error rate",
  metric: "error_rate",
  comparison: ">",
  threshold: 0.05,
  windowMs: 300_000,
  severity: "sev2",
};

export function lab(
  rule: Partial<AlertRule> | readonly AlertRule[] = {},
  options: Partial<AlertsOptions> & { readonly clock?: FakeClock; readonly says?: Said } = {},
): Lab {
  const { says, clock = fakeClock(), ...more } = options;
  let said: Said = "says" in options ? says : 0.01;
  const events: AlertEvent[] = [];
  const first: AlertEvent[] = [];
  const source: Source = {
    metrics: [
      { name: "error_rate", unit: "share", description: "Failed calls" },
      { name: "latency_p95", unit: "seconds", description: "95th percentile" },
    ],
    read(_, query) {
      if (said instanceof Error) throw said;
      if (typeof said === "function") return said(query);
      return typeof said === "number" ? [{ value: said, samples: 100, labels: {}, traces: ["t1"] }] : (said ?? []);
    },
  };
  const watch = alerts({
    rules: Array.isArray(rule) ? rule : [{ ...RULE, ...rule }],
    sources: [source],
    everyMs: false,
    clock,
    onChange: (event) => (event.from === "inactive" && event.to === "inactive" ? first : events).push(event),
    ...more,
  });
  return {
    clock,
    watch,
    events,
    first,
    say(value) {
      said = value;
    },
    after(ms, ...value) {
      clock.advance(ms);
      if (value.length > 0) said = value[0];
      return watch.evaluate();
    },
    story: () => events.map(({ from, to, isQuiet }) => `${from}>${to}${isQuiet ? "" : "!"}`),
  };
}

/** As `stateFile`, in memory: what is saved goes through JSON. */
export function memoryState(): State & { json: string } {
  const dirty = new Map<string, () => unknown>();
  return {
    json: "{}",
    load(part) {
      return JSON.parse(this.json)[part];
    },
    changed(part, read) {
      dirty.set(part, read);
    },
    save() {
      const parts = JSON.parse(this.json);
      for (const [part, read] of dirty) parts[part] = read();
      dirty.clear();
      this.json = JSON.stringify(parts);
    },
  };
}

export function listener(): AlertListener & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    alert: ({ from, to }) => heard.push(`${from}>${to}`),
    tick: () => heard.push("tick"),
    flush: async () => void heard.push("flush"),
    close: async () => void heard.push("close"),
  };
}
