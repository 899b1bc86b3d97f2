import type { BudgetStatus } from "../../../monitors/index.ts";
import { percent, plural, usd } from "../format.ts";

const TONES: { readonly [level in BudgetStatus["level"]]: string } = {
  ok: "",
  warn: "warning",
  critical: "error",
  used_up: "error",
};
const LEVELS: { readonly [level in BudgetStatus["level"]]: string } = {
  ok: "",
  warn: "nearly used",
  critical: "almost used up",
  used_up: "used up",
};

/** How far budgets are used up: the fill is what is spent, the notch where the period is. */
export function Budgets({ budgets, nowMs }: { budgets: readonly BudgetStatus[]; nowMs: number }) {
  const limited = budgets.filter(({ limitUsd }) => limitUsd !== undefined);
  const sorted = [...limited].sort((one, other) => (other.share ?? 0) - (one.share ?? 0));
  return (
    <section class="card budgets" aria-label="Budgets">
      <div class="chart-head">
        <h2>Budgets</h2>
        <span class="faint ellipsis">spent of the limit; the mark is where the period is</span>
      </div>
      <ul>
        {sorted.map((status) => (
          <Budget key={`${status.budget} ${JSON.stringify(status.group)}`} status={status} nowMs={nowMs} />
        ))}
      </ul>
    </section>
  );
}

function Budget({ status, nowMs }: { status: BudgetStatus; nowMs: number }) {
  const { budget, group, limitUsd = 0, spentUsd, estimatedUsd, reservedUsd, level, forecastUsd, per, hard } = status;
  const share = limitUsd > 0 ? (spentUsd + estimatedUsd) / limitUsd : 0;
  const [since, until] = [Date.parse(status.since), Date.parse(status.until)];
  const passed = Math.min(1, Math.max(0, (nowMs - since) / (until - since)));
  const whose = Object.values(group ?? {}).map((value) => value ?? "(none)");
  const isOver = forecastUsd !== undefined && forecastUsd > limitUsd;
  const a = per === "hour" ? "an hour" : `a ${per}`;
  const forecast = forecastUsd === undefined ? undefined : `${usd(forecastUsd)} by its end`;
  const notes = [
    ...(hard ? [status.refused > 0 ? `${plural(status.refused, "call")} refused` : "hard limit"] : []),
    ...(reservedUsd > 0 ? [`${usd(reservedUsd)} under way`] : []),
    ...(status.unpriced > 0 ? [`${plural(status.unpriced, "call")} without a price`] : []),
  ];
  return (
    <li class={`budget ${TONES[level]}`}>
      <div class="budget-line">
        <span class="ellipsis budget-name">
          {budget}
          {whose.length > 0 && <span class="faint"> · {whose.join(", ")}</span>}
        </span>
        {LEVELS[level] && <span class={`badge ${TONES[level]}`}>{LEVELS[level]}</span>}
        <span class="grow" />
        <span class="num">
          {usd(spentUsd + estimatedUsd)}{" "}
          <span class="faint">
            of {usd(limitUsd)} {a}
          </span>
        </span>
        <span class="num budget-share">{percent(share)}</span>
      </div>
      <div
        class="budget-bar"
        role="meter"
        aria-label={`${budget} ${whose.join(" ")}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.min(100, Math.round(share * 100))}
        aria-valuetext={`${percent(share)} of ${usd(limitUsd)} ${a}`}
      >
        <span class="budget-fill" style={{ transform: `scaleX(${Math.min(1, share)})` }} />
        <span class="budget-now" style={{ left: `${passed * 100}%` }} />
      </div>
      <div class="faint budget-notes">
        {forecast && <span class={isOver ? "is-warning" : undefined}>{forecast}</span>}
        {forecast && notes.length > 0 && " · "}
        {notes.join(" · ")}
      </div>
    </li>
  );
}
