import type { Incident, Runbook } from "../../../monitors/index.ts";
import { clock } from "../format.ts";
import type { Asked } from "./actions.tsx";
import { isWebAddress } from "./web-address.ts";

interface Props {
  incident: Incident;
  runbook: Runbook;
  isBusy: boolean;
  onAct: (asked: Asked) => void;
}

/** The steps that were written down before, to be ticked as they are done. */
export function RunbookCard({ incident, runbook, isBusy, onAct }: Props) {
  const isOpen = incident.status !== "resolved";
  return (
    <section class="card runbook" aria-label={`Runbook: ${runbook.name}`}>
      <div class="panel-head">
        <h2>Runbook</h2>
        <span class="faint ellipsis">{runbook.name}</span>
        {isWebAddress(runbook.href) && (
          <a href={runbook.href} target="_blank" rel="noopener noreferrer">
            Open
          </a>
        )}
      </div>
      <p class="muted runbook-trigger">{runbook.trigger}</p>
      <h3>Steps</h3>
      <ul class="steps">
        {runbook.actions.map(({ id, text }) => {
          const tried = incident.timeline.filter(({ action }) => action === id);
          const last = tried.at(-1);
          const isDone = last !== undefined && !last.hasFailed;
          return (
            <li key={id}>
              <label class={isDone ? "step done" : "step"}>
                <input
                  type="checkbox"
                  checked={isDone}
                  disabled={isDone || isBusy || !isOpen}
                  onChange={() => onAct({ action: "step", step: id })}
                />
                <span>{text}</span>
              </label>
              {last && (
                <div class={last.hasFailed ? "is-error step-note" : "faint step-note"}>
                  {last.hasFailed ? last.text : `${last.by ?? "somebody"}, ${clock(last.time * 1_000)}`}
                </div>
              )}
            </li>
          );
        })}
      </ul>
      <Points title="What to look at" points={runbook.diagnosis} />
      <Points title="What users see" points={runbook.symptoms} />
      {runbook.escalation.length > 0 && (
        <details class="more">
          <summary>Who is told when</summary>
          <ul class="points">
            {runbook.escalation.map(({ level, who, task, afterMinutes }) => (
              <li key={level} class={level === incident.level ? "is-here" : undefined}>
                <b>{level}</b> {who}, {afterMinutes === 0 ? "at once" : `after ${afterMinutes} min`}: {task}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Points({ title, points }: { title: string; points: readonly string[] }) {
  if (points.length === 0) return null;
  return (
    <details class="more">
      <summary>{title}</summary>
      <ul class="points">
        {points.map((point) => (
          <li key={point}>{point}</li>
        ))}
      </ul>
    </details>
  );
}
