import { useSignal } from "@preact/signals";
import type { Incident } from "../../../monitors/index.ts";
import { plural } from "../format.ts";
import { Badge, Button, Time } from "../parts/index.ts";
import { href } from "../router.ts";
import { milliseconds, SEVERITY_TONES, STATUS_TONES } from "./words.ts";

const FIRST = 20;

/** Incidents: those that are open first, then the newest. */
export function IncidentList({ incidents }: { incidents: readonly Incident[] }) {
  const most = useSignal(FIRST);
  const isOpen = ({ status }: Incident): boolean => status !== "resolved";
  const sorted = [...incidents.filter(isOpen), ...incidents.filter((each) => !isOpen(each))];
  const open = incidents.filter(isOpen).length;
  return (
    <section class="card incidents" aria-label="Incidents">
      <div class="panel-head">
        <h2>Incidents</h2>
        <span class="faint">{open > 0 ? `${open} open · ${incidents.length - open} resolved` : "none open"}</span>
      </div>
      {sorted.length === 0 ? (
        <p class="panel-none faint">There has been none. Alerts of severity SEV1 to SEV3 open them.</p>
      ) : (
        <ul>
          {sorted.slice(0, most.value).map((incident) => (
            <IncidentRow key={incident.id} incident={incident} />
          ))}
        </ul>
      )}
      {sorted.length > most.value && (
        <p class="panel-none">
          <Button
            onClick={() => {
              most.value += 100;
            }}
          >
            {`Show ${Math.min(100, sorted.length - most.value)} more`}
          </Button>
        </p>
      )}
    </section>
  );
}

function IncidentRow({ incident }: { incident: Incident }) {
  const { id, title, severity, status, detectedAt, clocks, acknowledgedBy, level, traces, labels } = incident;
  const about = Object.values(labels).join(", ");
  // What is over needs nobody's eye.
  const isOver = status === "resolved";
  return (
    <li class={`incident ${status}`}>
      <Badge tone={isOver ? "plain" : SEVERITY_TONES[severity]}>{severity.toUpperCase()}</Badge>
      <div class="incident-what">
        <a class="incident-link ellipsis" href={href(`/incidents/${encodeURIComponent(id)}`)}>
          {title}
        </a>
        <div class="faint ellipsis incident-facts">
          {[
            about,
            isOver ? undefined : acknowledgedBy ? `${acknowledgedBy} is at it` : `${level} was told`,
            traces.length > 0 ? plural(traces.length, "trace") : undefined,
          ]
            .filter(Boolean)
            .join(" · ")}
        </div>
      </div>
      <div class="incident-side">
        {isOver ? <span class="faint">{status}</span> : <Badge tone={STATUS_TONES[status]}>{status}</Badge>}
        <span class={clocks.isOverdue && !isOver ? "num is-error" : "num muted"}>{milliseconds(clocks.openMs)}</span>
        <span class="faint incident-time">
          <Time us={detectedAt * 1_000} />
        </span>
      </div>
    </li>
  );
}
