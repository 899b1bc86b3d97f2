import { checkOptions, isFunction } from "../../core/check-options.ts";
import { type Clock, checkedClock, systemClock } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import { suppress } from "../../core/suppress.ts";
import { isObject } from "../../semconv/messages.ts";
import type { Sink } from "../../sinks/sink.ts";
import type { Metric, Source } from "../reading.ts";
import type { State } from "../state.ts";
import { type Alert, type AlertEvent, type AlertListener, type AlertRule, SEVERITIES } from "./alert.ts";
import { createBoard } from "./board.ts";
import { checkRules, metricsOf } from "./check-rules.ts";
import { defaultRules } from "./default-rules.ts";
import { listenersOf } from "./listeners.ts";
import { checkSilence, createSilences, type Silence, type SilenceOptions } from "./silences.ts";

export interface AlertsOptions {
  /** Where the figures come from: `[metrics, budgets, quality]`. */
  readonly sources: readonly Source[];
  /** Default: `defaultRules()` for the metrics that the sources have. */
  readonly rules?: readonly AlertRule[];
  /** `incidents()`, `notifier()`, or your own. They hear of every change, in this order. */
  readonly listeners?: readonly AlertListener[];
  /** Milliseconds between evaluations. `false`: only by `evaluate()` and `flush()`. Default: 15,000. */
  readonly everyMs?: number | false;
  /** From the start. `forMs` counts from then. */
  readonly silences?: readonly SilenceOptions[];
  /** `stateFile(path)`: what fires goes on firing in the next process, and nobody is told twice. */
  readonly state?: State;
  /**
   * An alert that fires is taken as over after so many milliseconds without data. Default: an hour, which is the widest
   * window of the default rules and twice the longest time that a runbook expects: a mitigation that stops the traffic
   * leaves nothing firing for ever, and resolves nothing while people are still at it.
   */
  readonly staleMs?: number;
  readonly clock?: Clock;
  /**
   * The sink's name, and that of its part of the state: of several that share one, the last that was made evaluates and
   * tells, and the others are silent from then on. Default: `alerts`.
   */
  readonly name?: string;
  /** Hears of what the listeners hear, after them. */
  readonly onChange?: (event: AlertEvent) => void;
}

/** A sink that keeps no records, and a source of one figure, `alerts_firing`, with a reading for each severity. */
export interface Alerts extends Sink, Source {
  /** What the timer calls. The events, after the listeners have heard of them. */
  evaluate(): readonly AlertEvent[];
  /** Those that fire, the gravest first. */
  active(): readonly Alert[];
  /** One for each rule and group, whatever its state. */
  all(): readonly Alert[];
  /** @returns its id, for `unsilence` */
  silence(options: SilenceOptions): string;
  /** @returns false when there is no such silence, or it has ended */
  unsilence(id: string): boolean;
  silences(): readonly Silence[];
}

/** Prometheus' usual interval of evaluation. */
const EVERY_MS = 15_000;
const STALE_MS = 3_600_000;
/** A reconfiguration closes the previous one sooner than that. */
const HANDOVER_MS = 30_000;
/** `setInterval` takes no more than 31 bits: beyond, it fires every millisecond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const FIRING: Metric = { name: "alerts_firing", unit: "count", description: "Alerts that fire" };

const isTime = (value: unknown): boolean => typeof value === "number" && value > 0;

/**
 * Watches figures by rules: inactive → pending → firing → resolved, or no_data.
 *
 * Durations run on the monotonic clock, times that people are told are epoch milliseconds. Where data are missing, an alert
 * has no data; one that fires stays so, marked `isStale`, and is over after `staleMs`. It is told when it fires and when that
 * ends. Not told while it is silenced, within `cooldownMs` of the last time, while a graver rule about the same metric and
 * group fires, and while what its rule names in `unless` does; when none of that is so any more and it still fires, it is told then. The end of what has been told is told in
 * any case. With `state`, what fires goes on in the next process; pending goes on after a gap of at most its window, which does
 * not count; a rule that is gone, or is about another metric or other labels, ends what fired by it.
 *
 * Nothing that a source, a listener or a callback throws comes out of here. It is counted (`internalErrors` of `stats()`), and
 * the last problem with a source and with a listener are the `lastError` of the sink's own `stats()`, until it goes well again.
 *
 * @throws ConfigError for rules, silences and options that cannot be used, and for a metric that no source has
 * @example
 * import { alerts } from "sightline/monitors";
 * const rules = [{ name: "High error rate", metric: "error_rate", comparison: ">", threshold: 0.05, windowMs: 300_000,
 *   minSamples: 20, severity: "sev2" }] as const;
 * const source = {
 *   metrics: [{ name: "error_rate", unit: "share", description: "Failed calls" }] as const,
 *   read: () => [{ value: 0.07, samples: 100, labels: {} }],
 * };
 * const watch = alerts({ rules, sources: [source], onChange: ({ alert, isQuiet }) => isQuiet || seen.push(alert.message) });
 * configure({ sinks: [sink, watch] });
 * watch.evaluate(); // error_rate is 7 %, above 5 %
 */
export function alerts(options: AlertsOptions): Alerts {
  checkOptions("alerts", options, {
    sources: [isListOf(isSource), "a list of sources, such as metrics()"],
    rules: [Array.isArray, "a list of rules"],
    listeners: [isListOf((at) => isObject(at) && isFunction(at["alert"])), "a list of listeners"],
    everyMs: [(value) => value === false || isTime(value), "milliseconds above zero, or false"],
    silences: [Array.isArray, "a list of silences"],
    state: [isObject, "a state, such as stateFile(path)"],
    staleMs: [isTime, "milliseconds above zero"],
    clock: [isObject, "a clock"],
    name: [(value) => typeof value === "string" && value !== "", "a text"],
    onChange: [isFunction, "a function"],
  });
  const { sources = [], listeners = [], everyMs = EVERY_MS, state, onChange } = options;
  const { name = "alerts", staleMs = STALE_MS } = options;
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const metrics = metricsOf(sources);
  const rules = checkRules(options.rules ?? defaultRules({ sources }), metrics);
  const silences = createSilences(clock);
  const known = rules.map((rule) => ({ rule, ...metrics.get(rule.metric)! }));
  const board = createBoard({ rules: known, silences, clock, staleMs });
  const heard = listenersOf(listeners, onChange);
  /** What the state holds of ours is not empty: it is to be written once more when nothing is left. */
  let isSaved = false;
  let isEvaluating = false;
  let timer: NodeJS.Timeout | undefined;
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  /** On the monotonic clock: when another one of this name took over. */
  let takenAt: number | undefined;
  let isSaid = false;
  // Before the part of the state is taken from another one: what is refused takes nothing over.
  for (const silence of options.silences ?? []) checkSilence(silence);
  guard(load, undefined);
  // After those of an earlier process, whose ids are taken.
  for (const silence of options.silences ?? []) silences.add(silence, true);

  function load(): void {
    const saved = state?.load(name, () => {
      takenAt = clock.monotonicMs();
    });
    if (!isObject(saved)) return;
    // A wall clock that was set back meanwhile: no time has passed.
    const gapMs = Math.max(0, clock.epochMs() - (Number(saved["savedAt"]) || 0));
    if (Array.isArray(saved["alerts"])) board.load(saved["alerts"], gapMs);
    silences.load(saved["silences"], gapMs);
    isSaved = true;
  }

  function changed(isBusy = board.isBusy()): void {
    if (takenAt !== undefined || (!isBusy && !isSaved)) return;
    isSaved = isBusy;
    const read = () => ({ savedAt: clock.epochMs(), alerts: board.save(), silences: silences.save() });
    guard(() => state?.changed(name, read), undefined);
  }

  function evaluate(): readonly AlertEvent[] {
    // A listener that evaluates would be told the same again, and so on.
    if (isEvaluating || takenAt !== undefined) return [];
    isEvaluating = true;
    try {
      const now = { epochMs: clock.epochMs(), monotonicMs: clock.monotonicMs() };
      const events = guard(() => board.evaluate(now), []);
      if (state !== undefined) changed();
      for (const event of events) heard.tell(event);
      heard.tick(now.epochMs);
      return events;
    } finally {
      isEvaluating = false;
    }
  }

  function onTimer(): void {
    evaluate();
    if (takenAt === undefined || isSaid || clock.monotonicMs() - takenAt < HANDOVER_MS) return;
    isSaid = true;
    const way = "Close the one that is not needed, or give each a name of its own: alerts({ name }).";
    const line = `sightline: two alerts() with the name "${name}" use one state; the older one is silent. ${way}\n`;
    guard(() => process.stderr.write(line), undefined);
  }

  async function flush(signal?: AbortSignal): Promise<void> {
    await suppress(() => {
      evaluate();
      return heard.flush(signal);
    });
    guard(() => state?.save(), undefined);
  }

  return {
    name,
    write() {},
    flush,
    open() {
      openers++;
      if (everyMs === false) return;
      timer ??= setInterval(() => suppress(onTimer), Math.min(everyMs, MAX_TIMER_MS)).unref();
    },
    async close(signal) {
      openers = Math.max(0, openers - 1);
      if (openers > 0) return;
      clearInterval(timer);
      timer = undefined;
      await flush(signal);
      await suppress(() => heard.close(signal));
    },
    stats() {
      const problem = [board.problem() ?? [], heard.problem() ?? []].flat().join("; ");
      return { replayed: 0, spooled: 0, dropped: {}, ...(problem !== "" && { lastError: problem }) };
    },
    evaluate,
    active: () => board.all().filter(isFiring).sort(byGravity),
    all: board.all,
    silence(silence) {
      const id = silences.add(silence);
      changed(true);
      return id;
    },
    unsilence(id) {
      const isRemoved = silences.remove(id);
      if (isRemoved) changed(true);
      return isRemoved;
    },
    silences: silences.list,
    metrics: [FIRING],
    read(metric) {
      if (metric !== FIRING.name) return [];
      const firing = board.all().filter(isFiring);
      return SEVERITIES.map((severity) => {
        const value = firing.filter(({ rule }) => rule.severity === severity).length;
        return { value, samples: rules.length, labels: { severity } };
      });
    },
  };
}

function isFiring({ state }: Alert): boolean {
  return state === "firing";
}

function byGravity(a: Alert, b: Alert): number {
  return SEVERITIES.indexOf(a.rule.severity) - SEVERITIES.indexOf(b.rule.severity);
}

function isListOf(isRight: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(isRight);
}

function isSource(value: unknown): boolean {
  return isObject(value) && isListOf(isObject)(value["metrics"]) && isFunction(value["read"]);
}
