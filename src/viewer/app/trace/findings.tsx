import type { FindingRecord, ScoreRecord } from "../../../core/record.ts";
import { Badge } from "../parts/chip.tsx";
import { Icon } from "../parts/icon.tsx";
import { JsonTree } from "./json-tree.tsx";
import type { TraceModel } from "./trace-model.ts";

/** Findings with what to do about them; each leads to its span, where `model` is given. */
export function Findings({ findings, model }: { findings: readonly FindingRecord[]; model?: TraceModel }) {
  return (
    <ul class="findings">
      {findings.map((finding) => {
        const index = finding.spanId === undefined ? undefined : model?.tree.value.indexOf.get(finding.spanId);
        return (
          <li key={finding.id} class={`finding ${finding.severity}`}>
            <Icon name={finding.severity === "info" ? "info" : "warning"} />
            <div class="grow">
              <p class="finding-message">{finding.message}</p>
              <p class="muted">{finding.nextStep}</p>
              <div class="row wrap finding-foot">
                <span class="mono faint">{finding.name}</span>
                {index !== undefined && (
                  <button type="button" class="link" onClick={() => model!.select(index, { where: "center" })}>
                    Go to its span
                  </button>
                )}
              </div>
              {Object.keys(finding.evidence).length > 0 && (
                <details>
                  <summary>Evidence</summary>
                  <JsonTree value={finding.evidence} />
                </details>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

export function Scores({ scores }: { scores: readonly ScoreRecord[] }) {
  return (
    <ul class="scores">
      {scores.map((score) => (
        <li key={score.id} class="score">
          <span class="ellipsis grow">{score.name}</span>
          <Badge tone={score.value === true ? "ok" : score.value === false ? "error" : "accent"}>
            {typeof score.value === "number" ? String(Math.round(score.value * 1_000) / 1_000) : String(score.value)}
          </Badge>
          {score.comment && <p class="muted score-comment">{score.comment}</p>}
        </li>
      ))}
    </ul>
  );
}
