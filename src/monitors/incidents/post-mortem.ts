import type { Incident, Runbook, TimelineEntry } from "./incident.ts";
import { escapeMarkdown, markdownLink } from "./markdown.ts";
import { addressOf } from "./messages.ts";
import { actionsDone, similarText } from "./similar.ts";
import { durationText, timeText } from "./time-text.ts";

export interface PostMortemInput {
  readonly incident: Incident;
  /** What each of its alerts said when it fired. */
  readonly fired: readonly string[];
  readonly runbook: Runbook | undefined;
  /** Earlier incidents of the same kind, the newest last. */
  readonly earlier: readonly Incident[];
  readonly traceUrl: ((traceId: string) => string) | undefined;
}

/** Earlier incidents in the table. */
const MAX_EARLIER = 10;

/** A draft: what is known is written down, what only people know is asked. */
export function postMortem(input: PostMortemInput): string {
  const { incident, runbook } = input;
  const { id, title, severity, detectedAt, clocks, labels } = incident;
  const about = Object.entries(labels).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `# Post-mortem: ${escapeMarkdown(title)}`,
    "",
    `Draft of incident \`${id}\`. Severity: ${severity}. Status: ${incident.status}.`,
    "",
    "## Summary",
    "",
    `${escapeMarkdown(title)}${about.length === 0 ? "" : ` (${escapeMarkdown(about.join(", "))})`}. It was detected at ${timeText(detectedAt)}. ${endText(incident)}, after ${durationText(clocks.openMs)}.${reopenedText(incident)}`,
    "",
    "What would you tell somebody who was not there, in two sentences?",
    "",
    ...impact(input),
    ...times(incident, runbook),
    ...timeline(incident),
    ...traces(input),
    ...whatWasDone(input),
    ...similar(input),
    "## Why did it happen?",
    "",
    "1. What was the direct cause of what was seen?",
    "2. Why could that happen?",
    "3. Why was that so?",
    "4. Why was it not noticed or prevented earlier?",
    "5. Which habit, decision or missing piece lies behind it?",
    "",
    "What went well? Where were we lucky?",
    "",
    ...actionItems(incident, runbook),
  ];
  return `${lines.join("\n")}\n`;
}

function endText({ resolvedAt, periods }: Incident): string {
  if (resolvedAt === undefined) return "It is still open";
  const { to = resolvedAt } = periods.at(-1) ?? {};
  if (to === resolvedAt) return `It was resolved at ${timeText(resolvedAt)}`;
  return `It was over at ${timeText(to)} (resolved at ${timeText(resolvedAt)}, as it stayed so)`;
}

function reopenedText({ periods }: Incident): string {
  const again = periods.length - 1;
  if (again < 1) return "";
  return ` It was reopened ${again === 1 ? "once" : `${again} times`}; the time between is not counted.`;
}

function impact({ incident: { alerts, leftOut, labels: own }, fired }: PostMortemInput): string[] {
  const rows = alerts.map(({ rule, labels, message, startedAt, firedAt, resolvedAt }, index) => [
    rule.name,
    Object.entries({ ...own, ...labels })
      .map((pair) => pair.join(" "))
      .join(", "),
    fired[index] ?? message,
    timeText(startedAt ?? firedAt ?? Number.NaN),
    resolvedAt === undefined ? "fires" : `${timeText(resolvedAt)}: ${message}`,
  ]);
  return [
    "## Impact",
    "",
    ...table(["alert", "labels", "fired", "began", "over"], rows),
    ...(leftOut.alerts > 0 ? ["", `${leftOut.alerts} alerts more are not listed.`] : []),
    "",
    "How many users were affected, what could they not do, and what did it cost?",
    "",
  ];
}

function times({ clocks, beganAt, detectedAt, acknowledgedBy }: Incident, runbook: Runbook | undefined): string[] {
  const L2 = runbook?.escalation[1];
  const rows = [
    ["from its beginning to its detection", durationText(detectedAt - beganAt), ""],
    [
      `to the acknowledgement${acknowledgedBy === undefined ? "" : ` by ${acknowledgedBy}`}`,
      clocks.acknowledgedAfterMs === undefined ? "never" : durationText(clocks.acknowledgedAfterMs),
      L2 === undefined ? "" : `${L2.afterMinutes} min, then ${L2.level} is told`,
    ],
    [
      "to the first measure",
      clocks.mitigatingAfterMs === undefined ? "none" : durationText(clocks.mitigatingAfterMs),
      "",
    ],
    [
      "to the resolution, or until now",
      `${durationText(clocks.openMs)}${clocks.isOverdue ? " (overdue)" : ""}`,
      clocks.expectedMs === undefined ? "" : durationText(clocks.expectedMs),
    ],
  ];
  return ["## Times", "", ...table(["from detection", "took", "expected"], rows), ""];
}

function timeline({ timeline: entries, leftOut }: Incident): string[] {
  const rows = entries.map((entry) => [timeText(entry.time), entry.kind, entry.by ?? "", textOf(entry)]);
  return [
    "## Timeline",
    "",
    ...table(["time", "what", "who", "text"], rows),
    ...(leftOut.entries > 0 ? ["", `${leftOut.entries} entries were left out.`] : []),
    "",
  ];
}

function textOf({ text, count, lastTime }: TimelineEntry): string {
  return count === undefined ? text : `${text} (${count} times, last at ${timeText(lastTime ?? Number.NaN)})`;
}

function traces({ incident, traceUrl }: PostMortemInput): string[] {
  if (incident.traces.length === 0) return [];
  const linked = incident.traces.map((trace) => `- ${markdownLink(trace, addressOf(trace, traceUrl))}`);
  return ["## Traces that show it", "", ...linked, ""];
}

function whatWasDone({ incident, runbook }: PostMortemInput): string[] {
  const actions = incident.timeline.filter(({ action }) => action !== undefined);
  const lines = actions.map(
    ({ text, by }) => `- ${escapeMarkdown(text)}${by === undefined ? "" : ` (${escapeMarkdown(by)})`}`,
  );
  const done = actionsDone(incident);
  const left = (runbook?.actions ?? []).filter(({ id }) => !done.includes(id));
  return [
    "## What was done",
    "",
    ...(lines.length === 0 ? ["No action is on the timeline."] : lines),
    ...(left.length === 0
      ? []
      : ["", "In the runbook, and not done:", "", ...left.map(({ text }) => `- ${escapeMarkdown(text)}`)]),
    "",
  ];
}

function similar({ incident, earlier }: PostMortemInput): string[] {
  const text = similarText(incident.similar);
  if (text === undefined) return [];
  const rows = earlier
    .slice(-MAX_EARLIER)
    .map((each) => [
      timeText(each.detectedAt),
      each.id,
      each.severity,
      durationText(each.clocks.openMs),
      actionsDone(each).join(", "),
    ]);
  return [
    "## Earlier incidents of this kind",
    "",
    escapeMarkdown(text),
    "",
    ...table(["detected", "incident", "severity", "open for", "done"], rows),
    "",
  ];
}

function actionItems({ clocks, similar: { count }, acknowledgedAt }: Incident, runbook: Runbook | undefined): string[] {
  const items = [
    "Which change makes this kind of incident impossible, or rare?",
    "Which alert would have told it earlier, or with less noise?",
    ...(clocks.isOverdue ? ["It took longer than expected: what held it up, or are the expected minutes wrong?"] : []),
    ...(acknowledgedAt === undefined ? ["Nobody acknowledged it: were the right people told?"] : []),
    ...(count > 0 ? ["It was not the first time: which action item of the earlier ones was not done?"] : []),
    runbook === undefined
      ? "There is no runbook for it: who writes one?"
      : `What does the runbook "${runbook.name}" lack?`,
  ];
  return [
    "## Action items",
    "",
    ...table(
      ["what", "who", "until"],
      items.map((item) => [item, "", ""]),
    ),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
}
