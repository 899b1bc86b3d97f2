/** What the tests of budgets have in common. */
import type { SpanRecord, TraceInfo } from "../../src/core/record.ts";
import type { BudgetEvent, BudgetStatus } from "../../src/monitors/budgets/budget-status.ts";
import { type Budgets, budgets } from "../../src/monitors/budgets/budgets.ts";
import type { BudgetLimit, BudgetsOptions } from "../../src/monitors/budgets/budgets-options.ts";
import type { State } from "../../src/monitors/state.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
let ids = 0;

interface Call extends Partial<SpanRecord> {
  readonly usd?: number;
  readonly model?: string;
  readonly who?: TraceInfo;
}

/** A model call that has ended. */
export function call({ usd, model = "gpt-4.1", who = {}, ...part }: Call = {}): SpanRecord {
  return sampleSpan({
    spanId: (++ids).toString(16).padStart(16, "0"),
    type: "generation",
    genAi: { operation: "chat", provider: "openai", requestModel: model },
    usage: { inputTokens: 100, outputTokens: 20, totalTokens: 120 },
    ...(usd !== undefined && { cost: { currency: "USD", total: usd, source: "computed" } }),
    trace: who,
    ...part,
  });
}

export function made(
  limits: readonly BudgetLimit[],
  options: Partial<BudgetsOptions> & { clock?: FakeClock } = {},
): Made {
  const clock = options.clock ?? fakeClock();
  const events: BudgetEvent[] = [];
  const monitor = budgets({ limits, onThreshold: (event) => events.push(event), ...options, clock });
  return {
    clock,
    events,
    monitor,
    spend: (usd: number, who: TraceInfo = {}, model?: string) =>
      monitor.write([call({ usd, who, ...(model !== undefined && { model }) })]),
    /** The first status, or the one of a group. */
    status: (group?: string | null) => {
      const all = monitor.status();
      return group === undefined ? all[0]! : all.find((one) => Object.values(one.group ?? {})[0] === group)!;
    },
    spent: () => monitor.status()[0]!.spentUsd,
    start: (who: TraceInfo = {}, model = "gpt-4.1", spanId = `call ${++ids}`) =>
      monitor.modelCalls.starting({ traceId: "t", spanId, model, trace: who }),
  };
}

interface Made {
  readonly clock: FakeClock;
  readonly events: BudgetEvent[];
  readonly monitor: Budgets;
  spend(usd: number, who?: TraceInfo, model?: string): void;
  status(group?: string | null): BudgetStatus;
  spent(): number;
  start(who?: TraceInfo, model?: string, spanId?: string): ReturnType<Budgets["modelCalls"]["starting"]>;
}

/** What a restart leaves, as a file would have it. */
export function memoryState(): State & { text(): string } {
  const parts = new Map<string, () => unknown>();
  let saved: { [part: string]: unknown } = {};
  return {
    load: (part) => saved[part],
    changed: (part, read) => void parts.set(part, read),
    save() {
      saved = JSON.parse(JSON.stringify(Object.fromEntries([...parts].map(([part, read]) => [part, read()]))));
    },
    text: () => JSON.stringify(saved),
  };
}
