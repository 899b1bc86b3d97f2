import { useSignal } from "@preact/signals";
import type { Alert, AlertState } from "../../../monitors/index.ts";
import { integer, plural, shortId } from "../format.ts";
import { Badge, Time } from "../parts/index.ts";
import { href } from "../router.ts";
import { conditionText, figureText, SEVERITY_TONES, STATE_TONES } from "./words.ts";

const ORDER: readonly AlertState[] = ["firing", "pending", "resolved", "no_data", "inactive"];
const STATE_WORDS: { readonly [state in AlertState]: string } = {
  firing: "firing",
  pending: "pending",
  resolved: "resolved",
  no_data: "no data",
  inactive: "fine",
};

/** Alerts: those that fire first; those that are fine when asked for. */
export function AlertList({ alerts }: { alerts: readonly Alert[] }) {
  const isAll = useSignal(false);
  const sorted = [...alerts].sort(order);
  const busy = sorted.filter(({ state }) => state === "firing" || state === "pending" || state === "resolved");
  const shown = isAll.value ? sorted : busy;
  const quiet = alerts.length - busy.length;
  return (
    <section class="card alerts" aria-label="Alerts">
      <div class="panel-head">
        <h2>Alerts</h2>
        <span class="faint">{summaryOf(alerts)}</span>
        <span class="grow" />
        {quiet > 0 && (
          <button
            type="button"
            class="button quiet"
            aria-pressed={isAll.value}
            onClick={() => {
              isAll.value = !isAll.value;
            }}
          >
            {isAll.value ? "Hide the quiet ones" : `Show ${plural(quiet, "quiet one")}`}
          </button>
        )}
      </div>
      {shown.length === 0 ? (
        <p class="panel-none faint">
          {alerts.length === 0
            ? "No alert rule has been judged yet. That is done every few seconds, where there are rules."
            : "Nothing fires and nothing is about to."}
        </p>
      ) : (
        <ul>
          {shown.map((alert) => (
            <AlertRow key={alert.fingerprint} alert={alert} />
          ))}
        </ul>
      )}
    </section>
  );
}

export function AlertRow({ alert }: { alert: Alert }) {
  const { rule, state, labels, value, since, samples, isSilenced, isStale, message, traces } = alert;
  const about = Object.entries(labels).filter(([name]) => name !== "rule" && name !== "severity");
  return (
    <li class={`alert ${state}`}>
      <Badge tone={STATE_TONES[state]}>{STATE_WORDS[state]}</Badge>
      <div class="alert-what">
        <div class="row">
          <span class="ellipsis alert-name">{rule.name}</span>
          {about.length > 0 && (
            <span class="faint ellipsis">{about.map(([name, text]) => `${name} ${text}`).join(", ")}</span>
          )}
          {isSilenced && <Badge title="It is not told to anybody while it is silenced">silenced</Badge>}
          {isStale && <Badge title="Its figure is missing at the moment">stale</Badge>}
        </div>
        <div class="faint alert-message">{message}</div>
      </div>
      <div class="alert-figure num" data-tip={`${rule.metric}, of ${plural(samples, "sample")}`}>
        <span class={state === "firing" ? "is-error" : undefined}>{figureText(rule.metric, value)}</span>
        <span class="faint"> {conditionText(rule)}</span>
      </div>
      <div class="alert-side">
        <Badge tone={SEVERITY_TONES[rule.severity]}>{rule.severity.toUpperCase()}</Badge>
        <span class="faint alert-since">
          <Time us={since * 1_000} />
        </span>
      </div>
      {traces.length > 0 && (state === "firing" || state === "pending") && (
        <div class="alert-traces">
          <span class="faint">Shown by</span>
          {traces.slice(0, 3).map((traceId) => (
            <a key={traceId} class="mono" href={href(`/trace/${encodeURIComponent(traceId)}`)}>
              {shortId(traceId)}
            </a>
          ))}
          {traces.length > 3 && <span class="faint">and {integer(traces.length - 3)} more</span>}
        </div>
      )}
    </li>
  );
}

function order(one: Alert, other: Alert): number {
  const byState = ORDER.indexOf(one.state) - ORDER.indexOf(other.state);
  const bySeverity = one.rule.severity < other.rule.severity ? -1 : one.rule.severity > other.rule.severity ? 1 : 0;
  return byState || bySeverity || other.since - one.since;
}

function summaryOf(alerts: readonly Alert[]): string {
  const count = (state: AlertState): number => alerts.filter((each) => each.state === state).length;
  const [firing, pending, missing] = [count("firing"), count("pending"), count("no_data")];
  const parts = [
    ...(firing > 0 ? [`${firing} firing`] : []),
    ...(pending > 0 ? [`${pending} pending`] : []),
    ...(missing > 0 ? [`${missing} without data`] : []),
    ...(alerts.length > 0 ? [`${alerts.length - firing - pending - missing} fine`] : []),
  ];
  return parts.join(" · ");
}
