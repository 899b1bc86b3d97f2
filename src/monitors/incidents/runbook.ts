import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import type { EscalationLevel, Runbook } from "./incident.ts";
import { escapeMarkdown } from "./markdown.ts";

const FIELDS = ["id", "name", "trigger", "symptoms", "diagnosis", "actions", "escalation", "expectedMinutes", "href"];
/** A year: more is a mistake in the unit. */
const MAX_MINUTES = 365 * 24 * 60;

/** Throws a `ConfigError` for runbooks that could not be followed at night: ids twice, no steps, levels out of order. */
export function checkRunbooks(runbooks: readonly Runbook[]): void {
  if (!Array.isArray(runbooks))
    throw wrong("CONFIG_BAD_VALUE", `runbooks takes a list; it got ${showValue(runbooks)}.`);
  const seen = new Set<string>();
  for (const [index, runbook] of runbooks.entries()) {
    checkRunbook(runbook, index);
    if (seen.has(runbook.id)) {
      throw wrong(
        "CONFIG_DUPLICATE_RUNBOOK",
        `two runbooks have the id "${runbook.id}". To change one of ours, replace it: defaultRunbooks.map((each) => each.id === "${runbook.id}" ? mine : each).`,
      );
    }
    seen.add(runbook.id);
  }
}

function wrong(code: string, problem: string): ConfigError {
  return new ConfigError(code, `incidents({ runbooks }): ${problem}`);
}

function checkRunbook(runbook: Runbook, index: number): void {
  const name = isText(runbook?.id) ? `"${runbook.id}"` : `number ${index + 1}`;
  const must = (isRight: boolean, wanted: string): void => {
    if (!isRight) throw wrong("CONFIG_BAD_RUNBOOK", `runbook ${name} ${wanted}.`);
  };
  must(typeof runbook === "object" && runbook !== null, "must be an object");
  must(
    isText(runbook.id) && /^[a-z][a-z0-9_]{0,63}$/.test(runbook.id),
    "needs an id of small letters, digits and _, such as cost_spike",
  );
  for (const key of Object.keys(runbook))
    must(FIELDS.includes(key), `has no field "${key}". It takes: ${FIELDS.join(", ")}`);
  must(isText(runbook.name) && isText(runbook.trigger), "needs a name and a trigger, in words");
  must(isTexts(runbook.symptoms) && isTexts(runbook.diagnosis), "needs symptoms and diagnosis: lists of sentences");
  must(Array.isArray(runbook.actions) && runbook.actions.length > 0, "needs actions: a list of { id, text }");
  must(
    runbook.actions.every((action) => isText(action?.id) && isText(action?.text)),
    "needs an id and a text for each action",
  );
  must(areUnique(runbook.actions.map(({ id }) => id)), "has two actions of the same id");
  const { escalation, expectedMinutes, href } = runbook;
  must(
    Array.isArray(escalation) && escalation.length > 0,
    "needs escalation: a list of { level, who, task, afterMinutes }",
  );
  must(
    escalation.every((level) => isText(level?.level) && isText(level?.who) && isText(level?.task)),
    "needs level, who and task in words for each level of escalation",
  );
  must(areUnique(escalation.map(({ level }) => level)), "has two levels of escalation of the same name");
  must(
    escalation.every(({ afterMinutes }) => isMinutes(afterMinutes)) && escalation[0]?.afterMinutes === 0,
    "needs afterMinutes for each level: 0 for the first, which is told as the incident opens",
  );
  must(
    escalation.every(
      ({ afterMinutes }, i) => i === 0 || afterMinutes > (escalation[i - 1] as EscalationLevel).afterMinutes,
    ),
    "needs levels of escalation in order: each afterMinutes above the one before",
  );
  must(isMinutes(expectedMinutes) && expectedMinutes > 0, "needs expectedMinutes: a number above 0");
  must(href === undefined || /^https?:\/\/\S+$/.test(href), "needs an http or https address as href");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isText);
}

function areUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

function isMinutes(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MAX_MINUTES;
}

/**
 * A runbook as a page of markdown, for a wiki or a repository.
 *
 * @example
 * import { defaultRunbooks, runbookMarkdown } from "sightline/monitors";
 * const page = defaultRunbooks.map(runbookMarkdown).join("\n");
 */
export function runbookMarkdown(runbook: Runbook): string {
  const lines = [
    `# ${escapeMarkdown(runbook.name)}`,
    "",
    `**When:** ${escapeMarkdown(runbook.trigger)}. **Expected to be over in:** ${runbook.expectedMinutes} minutes. **Id:** \`${runbook.id}\``,
    "",
    "## What is seen",
    "",
    ...runbook.symptoms.map((symptom) => `- ${escapeMarkdown(symptom)}`),
    "",
    "## Find out",
    "",
    ...runbook.diagnosis.map((step, index) => `${index + 1}. ${escapeMarkdown(step)}`),
    "",
    "## Do",
    "",
    ...runbook.actions.map(({ id, text }) => `- ${escapeMarkdown(text)} (\`${id.replaceAll("`", "")}\`)`),
    "",
    "## Who is told",
    "",
    "| level | who | does what | told |",
    "|---|---|---|---|",
    ...runbook.escalation.map(
      (level, index) =>
        `| ${[level.level, level.who, level.task, whenTold(level, index)].map(escapeMarkdown).join(" | ")} |`,
    ),
  ];
  if (runbook.href !== undefined) lines.push("", `More: <${runbook.href.replace(/[<>]/g, encodeURIComponent)}>`);
  return `${lines.join("\n")}\n`;
}

/** When a level is told, in words: it depends on its place. */
export function whenTold(level: EscalationLevel, index: number): string {
  if (index === 0) return "at once";
  return `after ${level.afterMinutes} min without ${index === 1 ? "acknowledgement" : "resolution"}`;
}
