import { useSignal } from "@preact/signals";
import type { Incident, Runbook } from "../../../monitors/index.ts";
import { download } from "../api.ts";
import { dateTime, plural, shortId } from "../format.ts";
import { Badge, Button } from "../parts/index.ts";
import { href } from "../router.ts";
import { Actions, useWork } from "./actions.tsx";
import { AlertRow } from "./alert-list.tsx";
import { RunbookCard } from "./runbook-card.tsx";
import { Timeline } from "./timeline.tsx";
import { milliseconds, SEVERITY_TONES, STATUS_TONES } from "./words.ts";

interface Props {
  incident: Incident;
  runbook: Runbook | undefined;
  onChanged: (incident: Incident) => void;
}

/** One incident: what it is, what has happened, what to do. */
export function IncidentView({ incident, runbook, onChanged }: Props) {
  const work = useWork(incident.id, onChanged);
  const { title, severity, status, labels, alerts, traces, similar, leftOut } = incident;
  return (
    <article class="page-incident">
      <header class="incident-head">
        <div class="row">
          <a class="faint" href={href("/incidents")}>
            Incidents
          </a>
          <span class="faint">/</span>
          <span class="faint mono ellipsis">{incident.id}</span>
          <span class="grow" />
          <PostMortem incident={incident} />
        </div>
        <h1>{title}</h1>
        <div class="row wrap">
          <Badge tone={SEVERITY_TONES[severity]}>{severity.toUpperCase()}</Badge>
          <Badge tone={STATUS_TONES[status]}>{status}</Badge>
          {Object.entries(labels).map(([name, value]) => (
            <span class="chip" key={name}>
              <span class="chip-label">{name}</span>
              <span class="chip-value">{value}</span>
            </span>
          ))}
        </div>
      </header>
      <Clocks incident={incident} />
      <div class="incident-columns">
        <div class="incident-main">
          <Actions incident={incident} work={work} />
          <Timeline incident={incident} />
        </div>
        <div class="incident-aside">
          {runbook && (
            <RunbookCard
              incident={incident}
              runbook={runbook}
              isBusy={work.isBusy}
              onAct={(asked) => void work.act(asked)}
            />
          )}
          <section class="card traces-card" aria-label="Traces that show it">
            <div class="panel-head">
              <h2>Traces that show it</h2>
            </div>
            {traces.length === 0 ? (
              <p class="panel-none faint">None was named.</p>
            ) : (
              <ul>
                {traces.map((traceId) => (
                  <li key={traceId}>
                    <a class="mono" href={href(`/trace/${encodeURIComponent(traceId)}`)}>
                      {shortId(traceId)}
                    </a>
                  </li>
                ))}
              </ul>
            )}
          </section>
          <section class="card alerts" aria-label="Its alerts">
            <div class="panel-head">
              <h2>Alerts</h2>
              {leftOut.alerts > 0 && <span class="faint">{plural(leftOut.alerts, "more")}</span>}
            </div>
            <ul class="narrow">
              {alerts.map((alert) => (
                <AlertRow key={alert.fingerprint} alert={alert} />
              ))}
            </ul>
          </section>
          {similar.count > 0 && (
            <section class="card similar" aria-label="Earlier ones">
              <h2>Earlier ones</h2>
              <p>
                {plural(similar.count, "like it", "like it")} in the last thirty days
                {similar.countInWeek !== undefined && `, ${similar.countInWeek} of them in the last seven`}.
                {similar.meanMsToResolve !== undefined &&
                  ` They took ${milliseconds(similar.meanMsToResolve)} on average.`}
              </p>
              {similar.lastActions && similar.lastActions.length > 0 && (
                <p class="muted">What was done last time: {similar.lastActions.join(", ")}</p>
              )}
              {similar.last && <a href={href(`/incidents/${encodeURIComponent(similar.last)}`)}>The last one</a>}
            </section>
          )}
        </div>
      </div>
    </article>
  );
}

function Clocks({ incident }: { incident: Incident }) {
  const { clocks, beganAt, detectedAt, acknowledgedBy, level, resolvedAt, periods } = incident;
  const facts: readonly (readonly [string, string | undefined, string?])[] = [
    ["Open for", milliseconds(clocks.openMs), clocks.isOverdue ? "is-error" : undefined],
    ["Expected", clocks.expectedMs === undefined ? undefined : milliseconds(clocks.expectedMs)],
    [
      "Acknowledged",
      clocks.acknowledgedAfterMs === undefined
        ? resolvedAt === undefined
          ? "not yet"
          : "never"
        : `after ${milliseconds(clocks.acknowledgedAfterMs)}${acknowledgedBy ? ` by ${acknowledgedBy}` : ""}`,
      clocks.acknowledgedAfterMs === undefined && resolvedAt === undefined ? "is-error" : undefined,
    ],
    [
      "Mitigation",
      clocks.mitigatingAfterMs === undefined ? undefined : `after ${milliseconds(clocks.mitigatingAfterMs)}`,
    ],
    ["Told", level],
    ["Began", dateTime(beganAt * 1_000)],
    ["Detected", `${milliseconds(Math.max(0, detectedAt - beganAt))} later`],
    ["Resolved", resolvedAt === undefined ? undefined : dateTime(resolvedAt * 1_000)],
    ["Times open", periods.length > 1 ? String(periods.length) : undefined],
  ];
  return (
    <dl class="card clocks">
      {facts.map(
        ([label, text, tone]) =>
          text !== undefined && (
            <div key={label}>
              <dt>{label}</dt>
              <dd class={tone}>{text}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A draft to download: the server's, or what is known here where the server writes none. */
function PostMortem({ incident }: { incident: Incident }) {
  const problem = useSignal("");
  const get = async () => {
    problem.value = "";
    const name = `${incident.id}.md`;
    try {
      await download(`/api/incidents/${encodeURIComponent(incident.id)}/post-mortem`, name);
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <>
      {problem.value && (
        <span class="faint" role="alert">
          {problem.value}
        </span>
      )}
      <Button icon="download" onClick={() => void get()}>
        Post-mortem
      </Button>
    </>
  );
}
