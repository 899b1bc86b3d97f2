import { showValue } from "../../core/show-value.ts";
import type { AlertRule } from "../alerts/alert.ts";
import { say } from "../say.ts";
import type { Runbook } from "./incident.ts";

/** Says once for each runbook of a rule that there is none of this id: alerts cannot know. An address is none of ours. */
export function unknownRunbooks(runbooks: readonly Runbook[]): (rule: AlertRule) => void {
  const known = new Set(runbooks.map(({ id }) => id));
  return ({ name, runbook }) => {
    if (runbook === undefined || known.has(runbook) || /[:/]/.test(runbook)) return;
    say(
      `incidents(): rule ${showValue(name)} has the runbook ${showValue(runbook)}, which there is not: its incidents have no ` +
        `actions and no escalation. There are: ${runbooks.map(({ id }) => id).join(", ")}.`,
    );
    known.add(runbook);
  };
}
