import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { MonitorsAnswer } from "../../../collector/api.ts";
import type { Incident } from "../../../monitors/index.ts";
import { api, project } from "../api.ts";
import { about, Button, Empty, ErrorState, Loading } from "../parts/index.ts";
import { href, route } from "../router.ts";
import { useTail } from "../traces/use-tail.ts";
import { useData } from "../use-data.ts";
import { AlertList } from "./alert-list.tsx";
import { IncidentList } from "./incident-list.tsx";
import { IncidentView } from "./incident-view.tsx";
import { NoMonitors } from "./no-monitors.tsx";
import "./incidents.css";

/** Clocks go on also while nothing is told. */
const EVERY_MS = 30_000;
/** As long as no rule has been judged: the first verdicts are told to nobody when nothing fires. */
const UNJUDGED_MS = 5_000;

/** `#/incidents`, `#/incidents/<id>`: what fires, what is wrong, and what is done about it. */
export function IncidentsPage() {
  const id = route.value.parts[0];
  const { state, reload } = useData(`${project.value}`, (signal) => api.monitors({ signal }));
  /** What an action answered, until the whole comes anew. */
  const acted = useSignal<Incident | undefined>(undefined);
  useTail(["monitors"], reload);
  const { value, error } = state.value;
  const isJudged = value !== undefined && value.alerts.length > 0;
  useEffect(() => {
    const everyMs = isJudged ? EVERY_MS : UNJUDGED_MS;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [isJudged]);
  if (about.value && !about.value.monitors) return <NoMonitors />;
  if (error && value === undefined) return <ErrorState error={error} onRetry={reload} />;
  if (value === undefined) return <Loading what="Asking the monitors" />;
  const known = withActed(value, acted.value);
  if (id === undefined) {
    return (
      <div class="page-incidents">
        <h1 class="visually-hidden">Alerts and incidents</h1>
        <IncidentList incidents={known} />
        <AlertList alerts={value.alerts} />
      </div>
    );
  }
  const incident = known.find((each) => each.id === id);
  if (incident === undefined) {
    return (
      <Empty icon="search" title="No such incident" actions={<Button href={href("/incidents")}>All incidents</Button>}>
        {id} is not kept, or has never been.
      </Empty>
    );
  }
  const runbook = value.runbooks.find((each) => each.id === incident.runbook);
  return (
    <IncidentView
      key={id}
      incident={incident}
      runbook={runbook}
      onChanged={(next) => {
        acted.value = next;
        reload();
      }}
    />
  );
}

/** The answer to an action is newer than what was asked before it, and older than what is asked after it. */
function withActed({ incidents }: MonitorsAnswer, acted: Incident | undefined): readonly Incident[] {
  if (acted === undefined) return incidents;
  return incidents.map((each) => (each.id === acted.id && acted.timeline.length > each.timeline.length ? acted : each));
}
