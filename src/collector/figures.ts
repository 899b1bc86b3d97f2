/** What the collector counts, as Prometheus reads it. */
export interface Figures {
  count(name: CounterName, labels?: Labels, by?: number): void;
  appended(seconds: number, isDone: boolean): void;
  /** The text format, version 0.0.4. Gauges are read now. */
  text(gauges: Gauges): string;
  total(name: CounterName): number;
}

/** What is as it is at the moment. */
export interface Gauges {
  readonly [name: string]: {
    readonly help: string;
    readonly values: readonly (readonly [labels: Labels, value: number])[];
  };
}

type Labels = { readonly [name: string]: string };

const COUNTERS = {
  requests_total: "Requests that were answered, by route and status",
  records_total: "Records that are durable, by the form in which they came",
  rejected_total: "Records that were not kept, by reason",
  received_bytes_total: "Bytes of bodies, inflated",
  refused_total: "Requests that were refused, by code",
  unforeseen_total: "Errors that nobody foresaw",
} as const;

export type CounterName = keyof typeof COUNTERS;

const PREFIX = "sightline_collector_";
/** Seconds: from a write of SQLite to the patience of a sender. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Of one counter. Routes, codes and forms are ours, so this is never reached; memory stays bounded whatever happens. */
const MAX_SERIES = 1_000;

export function createFigures(): Figures {
  const counters = new Map<CounterName, Map<string, number>>();
  const buckets = BUCKETS.map(() => 0);
  let appends = 0;
  let failures = 0;
  let sum = 0;

  return {
    count(name, labels = {}, by = 1) {
      const series = counters.get(name) ?? new Map<string, number>();
      counters.set(name, series);
      const key = labelText(labels);
      if (series.has(key) || series.size < MAX_SERIES) series.set(key, (series.get(key) ?? 0) + by);
    },
    appended(seconds, isDone) {
      if (!isDone) {
        failures++;
        return;
      }
      appends++;
      sum += seconds;
      for (const [i, bound] of BUCKETS.entries()) if (seconds <= bound) buckets[i]!++;
    },
    total: (name) => [...(counters.get(name)?.values() ?? [])].reduce((all, value) => all + value, 0),
    text(gauges) {
      const lines: string[] = [];
      const family = (name: string, type: string, help: string): void => {
        lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`);
      };
      for (const [name, help] of Object.entries(COUNTERS)) {
        family(name, "counter", help);
        for (const [labels, value] of counters.get(name as CounterName) ?? [["", 0]]) {
          lines.push(`${PREFIX}${name}${labels} ${value}`);
        }
      }
      family("append_seconds", "histogram", "How long the store took to keep a group of records");
      for (const [i, bound] of BUCKETS.entries()) {
        lines.push(`${PREFIX}append_seconds_bucket{le="${bound}"} ${buckets[i]}`);
      }
      lines.push(`${PREFIX}append_seconds_bucket{le="+Inf"} ${appends}`);
      lines.push(`${PREFIX}append_seconds_sum ${sum}`, `${PREFIX}append_seconds_count ${appends}`);
      family("append_failures_total", "counter", "Groups that the store did not keep");
      lines.push(`${PREFIX}append_failures_total ${failures}`);
      for (const [name, { help, values }] of Object.entries(gauges)) {
        family(name, "gauge", help);
        for (const [labels, value] of values) lines.push(`${PREFIX}${name}${labelText(labels)} ${value}`);
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, "_")}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
