import type { Incident, TimelineEntry } from "../../../monitors/index.ts";
import { clock, day, plural } from "../format.ts";

const TONES: { readonly [kind in TimelineEntry["kind"]]: string } = {
  detected: "bad",
  alert: "plain",
  acknowledged: "person",
  mitigating: "person",
  action: "person",
  escalated: "bad",
  overdue: "bad",
  note: "person",
  resolved: "good",
  reopened: "bad",
};

/** What happened, the latest last. */
export function Timeline({ incident }: { incident: Incident }) {
  const { timeline, leftOut } = incident;
  let last = "";
  return (
    <section class="card timeline" aria-label="Timeline">
      <div class="panel-head">
        <h2>Timeline</h2>
        {leftOut.entries > 0 && <span class="faint">{plural(leftOut.entries, "entry", "entries")} left out</span>}
      </div>
      <ol>
        {timeline.map((entry, index) => {
          const today = day(entry.time * 1_000);
          const isNewDay = today !== last;
          last = today;
          return <Entry key={index} entry={entry} dayText={isNewDay ? today : undefined} />;
        })}
      </ol>
    </section>
  );
}

function Entry({ entry, dayText }: { entry: TimelineEntry; dayText: string | undefined }) {
  const { time, kind, text, by, hasFailed, count, lastTime, isPublic } = entry;
  return (
    <>
      {dayText && <li class="timeline-day faint">{dayText}</li>}
      <li class={`entry ${hasFailed ? "bad" : TONES[kind]}`}>
        <time dateTime={new Date(time).toISOString()}>{clock(time * 1_000)}</time>
        <span class="entry-dot" aria-hidden="true" />
        <div class="entry-text">
          <div class="faint entry-kind">
            {kind}
            {by && ` · ${by}`}
            {isPublic && " · on the status page"}
          </div>
          <div>{text}</div>
          {count !== undefined && (
            <div class="faint">
              {count} times{lastTime !== undefined && `, last at ${clock(lastTime * 1_000)}`}
            </div>
          )}
        </div>
      </li>
    </>
  );
}
