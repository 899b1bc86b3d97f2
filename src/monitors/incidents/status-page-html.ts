import type { PublicIncident, ServiceStatus, StatusDay, StatusPage } from "./status-page.ts";
import { STATUS_PAGE_CSS } from "./status-page-css.ts";
import { durationText } from "./time-text.ts";

const HEADLINES: { readonly [status in ServiceStatus]: string } = {
  operational: "All systems are working",
  degraded: "Some things do not work well",
  major_outage: "There is a major outage",
};
const WORDS: { readonly [status in StatusDay["status"]]: string } = {
  operational: "working",
  degraded: "degraded",
  major_outage: "major outage",
  unknown: "no data",
};
/** Shapes that differ, for who does not see the colours. */
const MARKS: { readonly [status in ServiceStatus]: string } = { operational: "✓", degraded: "!", major_outage: "✕" };
const STATES: { readonly [status in PublicIncident["status"]]: string } = {
  detected: "Looking into it",
  acknowledged: "Being worked on",
  mitigating: "Taking measures",
  resolved: "Resolved",
};

/** One file that loads nothing: its policy allows its own style and no script, image, font or connection. */
export function statusPageHtml(page: StatusPage, title: string): string {
  const { status, updatedAt, components, uptime, incidents } = page;
  const open = incidents.filter((each) => each.status !== "resolved");
  const recent = incidents.filter((each) => each.status === "resolved");
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256").update(STATUS_PAGE_CSS).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="60">
<title>${escapeHtml(title)}: ${HEADLINES[status]}</title>
<style>${STATUS_PAGE_CSS}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="banner ${status}" role="status"><span class="mark" aria-hidden="true">${MARKS[status]}</span>${HEADLINES[status]}</p>
</header>
${open.length === 0 ? "" : section("Now", open.map(article).join("\n"))}
${components.length === 0 ? "" : section("Components", `<ul class="components">\n${components.map(component).join("\n")}\n</ul>`)}
${section("Last 30 days", days(uptime))}
${section("Resolved in the last 7 days", recent.length === 0 ? '<p class="quiet">None.</p>' : recent.map(article).join("\n"))}
<footer>Updated ${time(updatedAt)}. Times are in UTC.</footer>
</main>
</body>
</html>
`;
}

function section(heading: string, content: string): string {
  return `<section>\n<h2>${heading}</h2>\n${content}\n</section>`;
}

function component({ name, status }: StatusPage["components"][number]): string {
  return `<li><span class="name">${escapeHtml(name)}</span><span class="state ${status}"><span class="mark" aria-hidden="true">${MARKS[status]}</span>${WORDS[status]}</span></li>`;
}

function days({ share, days: list }: StatusPage["uptime"]): string {
  const known = list.filter(({ status }) => status !== "unknown");
  const bad = known.filter(({ status }) => status !== "operational").length;
  const spans = list.map(({ date, status }) => `<span class="day ${status}" title="${date}: ${WORDS[status]}"></span>`);
  const label = `${bad} of ${known.length} days with an incident`;
  return `<div class="days" role="img" aria-label="${label}">${spans.join("")}</div>
<p class="legend"><span>${list[0]?.date ?? ""}</span><span>${percent(share)} without a major problem</span><span>today</span></p>`;
}

/** Never rounded up to a whole day without problems. */
function percent(share: number): string {
  return share === 1 ? "100 %" : `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

function article({
  name,
  component: of,
  impact,
  status,
  startedAt,
  resolvedAt,
  updates,
  details,
}: PublicIncident): string {
  const took =
    resolvedAt === undefined ? "" : `, over after ${durationText(Date.parse(resolvedAt) - Date.parse(startedAt))}`;
  const lines = updates.map((update) => `<li>${time(update.time)}<span>${escapeHtml(update.text)}</span></li>`);
  return `<article class="${status === "resolved" ? "over" : impact}">
<h3>${escapeHtml(name)}${of === undefined ? "" : ` <span class="of">${escapeHtml(of)}</span>`}</h3>
<p class="meta"><strong>${STATES[status]}</strong>, ${WORDS[impact]}, since ${time(startedAt)}${took}</p>
${details === undefined ? "" : `<p>${escapeHtml(details)}</p>`}
<ol class="updates">${lines.join("")}</ol>
</article>`;
}

function time(iso: string): string {
  return `<time datetime="${escapeHtml(iso)}">${escapeHtml(`${iso.slice(0, 10)} ${iso.slice(11, 16)}`)}</time>`;
}

const ESCAPES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}
