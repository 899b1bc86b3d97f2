import type { MonitorsAnswer } from "../../../collector/api.ts";
import { plural } from "../format.ts";
import { href } from "../router.ts";

type Drift = MonitorsAnswer["drift"][number];

/** What the meter ends with: a drift is its first half. */
const END = 2;

/** How far answers are below what is usual for their feature: the fill is how much has gathered, the notch where it is a drift. */
export function DriftCard({ drift }: { drift: readonly Drift[] }) {
  const sorted = drift.toSorted((one, other) => (other.value ?? -1) - (one.value ?? -1));
  return (
    <section class="card budgets" aria-label="Quality drift">
      <div class="chart-head">
        <h2>Quality drift</h2>
        <span class="faint ellipsis">how far answers are below what is usual; beyond the mark it is a drift</span>
      </div>
      <ul>
        {sorted.map((each) => (
          <Feature key={each.labels["feature"]} drift={each} />
        ))}
      </ul>
    </section>
  );
}

function Feature({ drift: { value, samples, labels, traces = [] } }: { drift: Drift }) {
  const feature = labels["feature"] || "(no feature)";
  const isDrift = value !== undefined && value > 1;
  const told = value === undefined ? "not known yet" : `${value.toFixed(2)} of 1`;
  return (
    <li class={isDrift ? "budget error" : "budget"}>
      <div class="budget-line">
        <span class="ellipsis budget-name">{feature}</span>
        {isDrift && <span class="badge error">drifts</span>}
        {value === undefined && <span class="badge">learns what is usual</span>}
        <span class="grow" />
        <span class="num">{value === undefined ? <span class="faint">–</span> : told}</span>
      </div>
      <div
        class="budget-bar"
        role="meter"
        aria-label={`Drift of ${feature}`}
        aria-valuemin={0}
        aria-valuemax={END}
        aria-valuenow={Math.min(END, value ?? 0)}
        aria-valuetext={told}
      >
        <span class="budget-fill" style={{ transform: `scaleX(${Math.min(1, (value ?? 0) / END)})` }} />
        <span class="budget-now" style={{ left: `${100 / END}%` }} />
      </div>
      <div class="faint budget-notes">
        {plural(samples, "answer")} compared
        {isDrift && traces.length > 0 && " · worse than usual: "}
        {isDrift &&
          traces.map((traceId) => (
            <a key={traceId} class="mono drift-trace" href={href(`/trace/${encodeURIComponent(traceId)}`)}>
              {traceId.slice(-8)}
            </a>
          ))}
      </div>
    </li>
  );
}
