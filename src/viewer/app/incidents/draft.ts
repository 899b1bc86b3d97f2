import type { Incident } from "../../../monitors/index.ts";
import { dateTime } from "../format.ts";
import { milliseconds } from "./words.ts";

/** What is known of an incident as markdown, for a post-mortem to begin with. */
export function draftOf({ id, title, severity, beganAt, clocks, timeline, traces }: Incident): string {
  const facts = [
    ["Incident", id],
    ["Severity", severity.toUpperCase()],
    ["Began", dateTime(beganAt * 1_000)],
    ["Open for", milliseconds(clocks.openMs)],
    [
      "Acknowledged",
      clocks.acknowledgedAfterMs === undefined ? "never" : `after ${milliseconds(clocks.acknowledgedAfterMs)}`,
    ],
  ];
  const entries = timeline.map(({ time, kind, text, by }) => {
    return `- ${dateTime(time * 1_000)} **${kind}**${by ? ` (${plain(by)})` : ""}: ${plain(text)}`;
  });
  return [
    `# ${plain(title)}`,
    facts.map(([name, value]) => `- ${name}: ${value}`).join("\n"),
    "## Timeline",
    entries.join("\n"),
    "## Traces",
    traces.map((traceId) => `- ${traceId}`).join("\n") || "None was named.",
    "## Cause\n\n## What went well\n\n## What did not\n\n## What is to be done\n",
  ].join("\n\n");
}

/** Text of others stays text: no headings, no links, no markup. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|]/g, "\\$&");
}

export function saveText(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
