/** What Prometheus is told, read back; and the records that it is told of. */
import assert from "node:assert/strict";
import type { PrometheusSink } from "sightline/monitors/prometheus";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

export interface Sample {
  readonly name: string;
  readonly labels: { readonly [name: string]: string };
  readonly value: number;
  readonly exemplar?: {
    readonly labels: { readonly [name: string]: string };
    readonly value: number;
    readonly time: number;
  };
}

export interface Exposed {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|\}|$)/;

/** Reads labels from behind their `{`; gives what comes after the `}`. */
export function readLabels(text: string): [labels: { [name: string]: string }, rest: string] {
  const labels: { [name: string]: string } = {};
  let rest = text;
  for (;;) {
    if (rest.startsWith("}")) return [labels, rest.slice(1)];
    const match = LABEL.exec(rest);
    assert.ok(match, `no label: ${rest}`);
    assert.ok(!(match[1]! in labels), `twice: ${match[1]}`);
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    rest = rest.slice(match[0].length);
    if (match[3] === "}") return [labels, rest];
  }
}

/** The text formats, as strictly as their grammars: a line that is none of theirs fails. */
export function parse(text: string): Exposed {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  assert.ok(text.endsWith("\n"));
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "" || line === "# EOF" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      assert.ok(!types.has(type[1]!), line);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?/.exec(line);
    assert.ok(head, line);
    const [labels, rest] = head[2] ? readLabels(line.slice(head[0].length)) : [{}, line.slice(head[0].length)];
    const tail = /^ (\S+)(?: # \{(.*))?$/.exec(rest);
    assert.ok(tail, line);
    const sample = { name: head[1]!, labels, value: Number(tail[1] === "+Inf" ? Number.POSITIVE_INFINITY : tail[1]) };
    assert.ok(!Number.isNaN(sample.value), line);
    if (tail[2] === undefined) samples.push(sample);
    else {
      const [of, after] = readLabels(tail[2]);
      const [value, time] = after.trim().split(" ").map(Number) as [number, number];
      samples.push({ ...sample, exemplar: { labels: of, value, time } });
    }
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  assert.equal(new Set(keys).size, keys.length, "a series that is there twice");
  return { types, samples };
}

/** The one sample, or the sum of all, that has these labels. */
export function totalOf(
  { samples }: Exposed,
  name: string,
  labels: { readonly [name: string]: string } = {},
): number | undefined {
  const found = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

export function write(sink: PrometheusSink, ...records: TraceRecord[]): void {
  sink.write(records, new AbortController().signal);
}

let ids = 0;

/** A model call of `seconds`, in a trace of its own. */
export function call(seconds = 1, part: Partial<SpanRecord> = {}): SpanRecord {
  const id = (++ids).toString(16);
  return sampleSpan({
    traceId: id.padStart(32, "0"),
    spanId: id.padStart(16, "0"),
    type: "generation",
    kind: "client",
    name: "chat gpt-4.1",
    startTime: "1732000000000000000",
    endTime: String(1_732_000_000_000_000_000n + BigInt(Math.round(seconds * 1e9))),
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
    usage: { inputTokens: 100, outputTokens: 20, totalTokens: 125 },
    cost: { currency: "USD", total: 0.1, source: "computed" },
    trace: { userId: "user_42", feature: "tutor", team: "learning" },
    ...part,
  });
}
