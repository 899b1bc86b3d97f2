import { sumUsd } from "../../core/usd.ts";
import { bucketOf } from "../../sinks/otlp/metrics-store.ts";
import type { CallStatus, ModelCall } from "../model-call.ts";
import { type Distribution, type Exemplar, type Family, histogramValues, type Labels, type Value } from "./family.ts";
import {
  ATTEMPTS,
  BOUNDS,
  CALLS,
  COST,
  DURATION,
  FIRST_CHUNK,
  LABELS,
  labelValue,
  PRICED,
  TOKENS,
  UNPRICED,
} from "./names.ts";

/** What has been counted of model calls since the start, by model, feature and team. */
export interface CallTotals {
  /** `exemplar`: the trace that is to stand for it, and when. */
  add(call: ModelCall, exemplar?: Omit<Exemplar, "value">): void;
  families(): Family[];
}

const STATUSES: readonly CallStatus[] = ["success", "error", "timeout", "rate_limited", "refused"];
const OUTCOMES = ["ok", "rate_limited", "server_error", "client_error"] as const;
const TOKEN_TYPES = ["input", "output", "other"] as const;

interface Group {
  readonly labels: Labels;
  readonly calls: Counts<CallStatus>;
  readonly attempts: Counts<(typeof OUTCOMES)[number]>;
  readonly tokens: Counts<(typeof TOKEN_TYPES)[number]>;
  priced: number;
  unpriced: number;
  costUsd: number;
  readonly duration: Histogram;
  readonly firstChunk: Histogram;
}

type Counts<Name extends string> = { [name in Name]: number };

interface Histogram extends Distribution {
  count: number;
  sum: number;
  readonly buckets: number[];
  readonly exemplars: (Exemplar | undefined)[];
}

/** What has no group of its own: still told apart by status and outcome, or shares of failures would be wrong. */
const OTHER = ["other", "other", "other"] as const;

/** `maxGroups`: those of model, feature and team together, `other` included. */
export function callTotals(prefix: string, maxGroups: number): CallTotals {
  const groups = new Map<string, Group>();

  function groupOf(names: readonly string[]): Group {
    // No zero is left in a value of a label.
    const key = names.join("\0");
    const known = groups.get(key);
    if (known !== undefined) return known;
    if (groups.size >= maxGroups - 1 && names !== OTHER) return groupOf(OTHER);
    const group = newGroup(names);
    groups.set(key, group);
    return group;
  }

  function family(name: string, help: string, of: (group: Group) => Value[]): Family {
    return { name: `${prefix}_${name}`, help, type: "counter", values: [...groups.values()].flatMap(of) };
  }

  function counts(name: string, help: string, label: string, of: (group: Group) => Counts<string>): Family {
    return family(name, help, (group) =>
      Object.entries(of(group)).map(([kind, value]) => ({ labels: { ...group.labels, [label]: kind }, value })),
    );
  }

  function histogram(name: string, help: string, of: (group: Group) => Histogram): Family {
    const full = `${prefix}_${name}`;
    const values = [...groups.values()].flatMap((group) => {
      const told = of(group);
      return histogramValues(full, group.labels, BOUNDS, told, told.exemplars);
    });
    return { name: full, help, type: "histogram", values };
  }

  return {
    add(call, exemplar) {
      const { model = "", feature = "", team = "" } = call;
      const group = groupOf([labelValue(model), labelValue(feature), labelValue(team)]);
      if (call.isCall || call.status === "refused") group.calls[call.status]++;
      countAttempts(group, call);
      countTokens(group, call);
      if (call.costUsd !== undefined) {
        group.priced++;
        group.costUsd = sumUsd([group.costUsd, Math.max(0, call.costUsd)]);
      } else if (isUnpriced(call)) group.unpriced++;
      if (!call.isCall) return;
      if (isTimed(call)) observe(group.duration, call.latencySeconds, exemplar);
      observe(group.firstChunk, call.secondsToFirstChunk, exemplar);
    },
    families: () => [
      counts(CALLS, "Model calls by how they ended.", "status", ({ calls }) => calls),
      counts(ATTEMPTS, "HTTP requests that were made for model calls.", "outcome", ({ attempts }) => attempts),
      counts(TOKENS, "Tokens of model calls.", "type", ({ tokens }) => tokens),
      family(COST, "What model calls have cost, in USD.", ({ labels, costUsd }) => [{ labels, value: costUsd }]),
      family(PRICED, "Model calls whose cost is known.", ({ labels, priced }) => [{ labels, value: priced }]),
      family(UNPRICED, "Model calls that cost what nobody knows.", ({ labels, unpriced }) => [
        { labels, value: unpriced },
      ]),
      histogram(
        DURATION,
        "How long model calls took that were answered, or given up for their time.",
        ({ duration }) => duration,
      ),
      histogram(FIRST_CHUNK, "From the request to the first chunk of the answer.", ({ firstChunk }) => firstChunk),
    ],
  };
}

/** Every status and outcome from the start: a rate needs the zero before the first failure. */
function newGroup(names: readonly string[]): Group {
  const labels: { [name: string]: string } = {};
  for (const [i, label] of LABELS.entries()) if (names[i] !== "") labels[label] = names[i]!;
  return {
    labels,
    calls: zeros(STATUSES),
    attempts: zeros(OUTCOMES),
    tokens: zeros(TOKEN_TYPES),
    priced: 0,
    unpriced: 0,
    costUsd: 0,
    duration: newHistogram(),
    firstChunk: newHistogram(),
  };
}

function zeros<Name extends string>(names: readonly Name[]): Counts<Name> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts<Name>;
}

function newHistogram(): Histogram {
  return { count: 0, sum: 0, buckets: new Array<number>(BOUNDS.length + 1).fill(0), exemplars: [] };
}

function observe(histogram: Histogram, value: number | undefined, exemplar: Omit<Exemplar, "value"> | undefined): void {
  if (value === undefined || !(value >= 0)) return;
  const at = bucketOf(BOUNDS, value);
  histogram.count++;
  histogram.sum += value;
  histogram.buckets[at]!++;
  if (exemplar !== undefined) histogram.exemplars[at] = { ...exemplar, value };
}

/** Of what neither was limited nor failed at the server, only the last can have been refused for good: no client tries that again. */
function countAttempts({ attempts }: Group, call: ModelCall): void {
  const others = Math.max(0, call.attempts - call.rateLimitedAttempts - call.serverErrorAttempts);
  const { httpStatus = 200 } = call;
  const refused = others > 0 && httpStatus >= 400 && httpStatus < 500 && httpStatus !== 429 ? 1 : 0;
  attempts.rate_limited += call.rateLimitedAttempts;
  attempts.server_error += call.serverErrorAttempts;
  attempts.client_error += refused;
  attempts.ok += others - refused;
}

/** `other`: what only the total accounts for. */
function countTokens({ tokens }: Group, { inputTokens = 0, outputTokens = 0, totalTokens = 0 }: ModelCall): void {
  tokens.input += inputTokens;
  tokens.output += outputTokens;
  tokens.other += Math.max(0, totalTokens - inputTokens - outputTokens);
}

/** As `metrics()` has it: a call that failed and tells no tokens is taken to have cost nothing. */
function isUnpriced({ totalTokens, isCall, status }: ModelCall): boolean {
  return totalTokens !== undefined || (isCall && status === "success");
}

/** As `metrics()` has it: what was refused at once is not fast. */
function isTimed({ status }: ModelCall): boolean {
  return status === "success" || status === "timeout";
}
