import type { CallWatch } from "../../core/call-watch.ts";
import { checkedClock, systemClock } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import type { TraceRecord } from "../../core/record.ts";
import type { Sink } from "../../sinks/sink.ts";
import { checkQuery } from "../check-query.ts";
import { idWindow } from "../id-window.ts";
import { modelCallOf } from "../model-call.ts";
import type { Source } from "../reading.ts";
import { answeredModels } from "./answered-models.ts";
import { type AttributionOptions, attribute } from "./attribute.ts";
import { type Attribution, type AttributionBook, attributionBook } from "./attribution.ts";
import type { BudgetEvent, BudgetStatus } from "./budget-status.ts";
import { type BudgetsOptions, checkLimits } from "./budgets-options.ts";
import { gatekeeper, type Who } from "./gatekeeper.ts";
import { handover } from "./handover.ts";
import { inFlight } from "./in-flight.ts";
import { type LimitBook, limitBook, type Now, type Spent } from "./limit-book.ts";
import { BUDGET_METRICS, readBudgets } from "./readings.ts";
import { type Estimate, type ReportOptions, report } from "./report.ts";
import { spenderOfRecord } from "./spender.ts";
import { isUnpriced } from "./unpriced.ts";

/** What `budgets()` gives: a sink for `configure`, a source for `alerts`, and what people ask for. */
export interface Budgets extends Sink, Source {
  write(batch: readonly TraceRecord[]): void;
  writeSync(batch: readonly TraceRecord[]): void;
  readonly modelCalls: CallWatch;
  /** Every limit as it is now; with `by` the 100 who have spent most. */
  status(): BudgetStatus[];
  /** Who spent what: `attribution({ by: ["team", "feature"] })`. */
  attribution(options?: AttributionOptions): Attribution;
  /** The same to read (`table`), to work with (`json`), or for a spreadsheet (`csv`). */
  report(options?: ReportOptions): string;
  /**
   * The model to use for a call, where a program chooses by hand: the same, a cheaper one that a hard limit wants, or
   * `undefined` where one is used up and refuses. Nothing is counted.
   */
  modelFor(model: string, who?: Who): string | undefined;
}

/**
 * Counts what calls cost against limits per hour, day or month, tells when thresholds are passed, and with `hard` keeps calls
 * from being made once a limit is used up. Every span counts once, in the period of the wall clock in which it ends; the
 * sums are exact to 10⁻¹² USD. What has no known cost is told as `unpriced`, and in no sum; a hard limit reckons with it at
 * what calls of the model cost on the average (`estimatedUsd`), and one line on stderr says so where nobody knows even that.
 *
 * A hard limit holds back for each call under way what such calls have cost so far, and is passed at most by the calls that
 * were under way then. Each process counts for itself.
 *
 * Of several with one `state`, each needs a `name` of its own. One that is made with the name of another takes its amounts
 * over, as when `configure` is called anew.
 *
 * With `by` the 10,000 who have spent most in a period are kept apart (`maxGroups`), and beside them whoever has used up a
 * hard limit. The others are put together as `other`, which is not limited: who is put there and comes back begins anew. A
 * line on stderr says when there are so many.
 *
 * @throws ConfigError for options that do not exist or make no sense
 * @example
 * import { budgets } from "sightline/monitors";
 * const costs = budgets({
 *   limits: [
 *     { name: "monthly", usd: 2_000, per: "month", timeZone: "Europe/Berlin" },
 *     { name: "per team", usd: 50, per: "day", by: "team", hard: true },
 *   ],
 *   onThreshold: ({ message }) => console.error(message),
 * });
 * configure({ sinks: [costs] });
 * const table = costs.report({ by: ["team", "feature"] });
 */
export function budgets(options: BudgetsOptions): Budgets {
  const limits = checkLimits(options);
  const { name = "budgets", state, onThreshold, clock: given = systemClock } = options;
  const clock = given === systemClock ? systemClock : checkedClock(given);
  const now = (): Now => ({ epochMs: clock.epochMs(), monotonicMs: clock.monotonicMs() });
  const part = name === "budgets" ? name : `budgets:${name}`;
  const remembered = handover({ state, part, name, epochMs: () => clock.epochMs(), toJson, write });
  const saved = savedState(guard(remembered.load, undefined));
  const start = now();
  const books = limits.map((limit) => limitBook(limit, start, saved.limits[limit.name]));
  const attributions = attributionBooks(books, start, saved.attributions);
  const answered = answeredModels(saved.answered);
  const counted = idWindow();
  const calls = inFlight();
  const gate = gatekeeper({ books, calls, answeredOf: answered.of, now, changed });
  const isHard = limits.some(({ hard }) => hard !== undefined);

  function changed(): void {
    guard(remembered.changed, undefined);
  }

  function toJson(): object {
    return {
      limits: Object.fromEntries(books.map((book) => [book.limit.name, book.toJson()])),
      attributions: Object.fromEntries(attributions.map((each) => [keyOf(each), each.toJson()])),
      answered: answered.toJson(),
    };
  }

  function write(batch: readonly TraceRecord[]): void {
    const at = now();
    let hasChanged = false;
    for (const record of batch) hasChanged = guard(() => count(record, at), false) || hasChanged;
    if (hasChanged) changed();
    guard(() => remembered.forward(batch), undefined);
  }

  function count(record: TraceRecord, at: Now): boolean {
    const call = modelCallOf(record);
    if (call === undefined || record.record !== "span" || !counted.add(call.traceId, call.spanId)) return false;
    const { traceId, costUsd: usd, isCall } = call;
    const spent: Spent = { traceId, usd, isCall, isUnpriced: isUnpriced(call, record) };
    const isCounted = isCall || usd !== undefined || spent.isUnpriced;
    if (isCounted) {
      const spender = spenderOfRecord(record, call, answered.of);
      if (isCall) answered.add(spender.model, record.genAi?.responseModel);
      for (const each of attributions) each.add(call, spent, at);
      for (const book of books) {
        const group = book.groupOf(spender);
        if (group !== undefined) for (const event of book.add(group, spender, spent, at)) tell(event);
      }
    }
    // After its cost has been counted: in between, a call could begin that neither knows of.
    calls.release(traceId, call.spanId);
    return isCounted;
  }

  function tell(event: BudgetEvent): void {
    const said: unknown = guard(() => onThreshold?.(event), undefined);
    if (said instanceof Promise) said.catch(() => {});
  }

  return {
    name,
    policy: { unsampled: true, ...(isHard && { durability: "record" }) },
    write,
    writeSync: write,
    flush: () => guard(() => state?.save(), undefined),
    close: () => guard(() => state?.save(), undefined),
    modelCalls: {
      starting: gate.starting,
      ended: calls.release,
    },
    metrics: BUDGET_METRICS,
    read(metric, query) {
      checkQuery("budgets()", metric, query, BUDGET_METRICS, undefined);
      return readBudgets(books, metric, query ?? {}, now());
    },
    status: () => {
      const at = now();
      return books.flatMap((book) => book.status(at));
    },
    attribution: (asked = {}) => attribute(attributions, asked, now()),
    report: ({ format, ...asked } = {}) => {
      const found = attribute(attributions, asked, now());
      return report(found, format, estimatesOf(books, found));
    },
    modelFor: gate.modelFor,
  };
}

/** One for each kind of period that the limits have. */
function attributionBooks(
  books: readonly LimitBook[],
  start: Now,
  saved: { readonly [key: string]: unknown },
): AttributionBook[] {
  const kinds = new Map(books.map(({ limit }) => [keyOf(limit), limit]));
  return [...kinds].map(([key, { per, timeZone }]) => attributionBook(per, timeZone, start, saved[key]));
}

/** What the hard limits with these periods reckon with beyond what is known. */
function estimatesOf(books: readonly LimitBook[], { per, timeZone, period }: Attribution): Estimate[] {
  return books
    .filter(({ limit }) => limit.per === per && limit.timeZone === timeZone)
    .map((book) => ({ budget: book.limit.name, usd: book.estimatedUsd(period) }))
    .filter(({ usd }) => usd > 0);
}

function keyOf({ per, timeZone }: { readonly per: string; readonly timeZone: string }): string {
  return `${per} ${timeZone}`;
}

interface Saved {
  readonly limits: { readonly [name: string]: unknown };
  readonly attributions: { readonly [key: string]: unknown };
  readonly answered: unknown;
}

function savedState(state: unknown): Saved {
  const { limits, attributions, answered } = (isObject(state) ? state : {}) as Partial<Saved>;
  return { limits: isObject(limits) ? limits : {}, attributions: isObject(attributions) ? attributions : {}, answered };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
