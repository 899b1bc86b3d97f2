import { isUnpriced } from "../../../store/unpriced.ts";
import { api } from "../api.ts";
import { costText, duration, exactTime, integer, NONE, tokens } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { KeyValue } from "../parts/key-value.tsx";
import { useData } from "../use-data.ts";
import { Findings, Scores } from "./findings.tsx";
import { JsonTree } from "./json-tree.tsx";
import { errorText, ownErrors } from "./own-errors.ts";
import { Payload } from "./payload.tsx";
import type { TraceModel } from "./trace-model.ts";
import { startNs } from "./tree.ts";

const MOST_ERRORS = 8;

/** What the trace is about, while no span is chosen: findings and errors first, then what came in and out. */
export function OverviewPanel({ model, onClose }: { model: TraceModel; onClose?: (() => void) | undefined }) {
  const answer = model.answer.value!;
  const { findings, scores, metadata } = answer;
  const tree = model.tree.value;
  const root = tree.rows[0];
  const failed = model.errors.value;
  const own = ownErrors(tree, failed);
  const { state } = useData(`${root?.spanId} ${root?.seq}`, async (signal) =>
    root ? api.span(model.traceId, root.spanId, { signal }) : undefined,
  );
  const record = state.value.value?.record;
  const cut = state.value.value?.cut;
  const models = modelsOf(model);
  return (
    <div class="span-panel-scroll">
      <header class="span-panel-head">
        <div class="row">
          <h2 class="grow">Overview</h2>
          {onClose && <Button icon="close" look="quiet" label="Close" onClick={onClose} />}
        </div>
      </header>
      {findings.length > 0 && (
        <section class="group">
          <h3>Findings</h3>
          <Findings findings={findings} model={model} />
        </section>
      )}
      {failed.length > 0 && (
        <section class="group">
          <h3>{failed.length === 1 ? "1 error" : `${integer(failed.length)} errors`}</h3>
          <ul class="error-list">
            {own.slice(0, MOST_ERRORS).map((index) => {
              const row = tree.rows[index]!;
              return (
                <li key={row.spanId}>
                  <button type="button" class="error-line" onClick={() => model.select(index, { where: "center" })}>
                    <span class="error-name">
                      <span class="ellipsis grow">{row.name}</span>
                      <span class="error-time">{`+${duration(startNs(tree, index))}`}</span>
                    </span>
                    <span class="error-text ellipsis">{errorText(row) ?? "failed"}</span>
                  </button>
                </li>
              );
            })}
          </ul>
          {own.length < failed.length && (
            <p class="faint small">{`${integer(failed.length - own.length)} passed on what failed below.`}</p>
          )}
          {failed.length > MOST_ERRORS && <p class="faint small">Press e to go from one to the next.</p>}
        </section>
      )}
      {models.length > 0 && (
        <section class="group">
          <h3>Models</h3>
          <table class="fact-table">
            <thead>
              <tr>
                <th />
                <th class="num">Calls</th>
                <th class="num">Tokens</th>
                <th class="num">Cost</th>
              </tr>
            </thead>
            <tbody>
              {models.map(([name, { calls, used, ...cost }]) => (
                <tr key={name}>
                  <th>{name}</th>
                  <td class="num">{integer(calls)}</td>
                  <td class="num">{used > 0 ? tokens(used) : NONE}</td>
                  <td class="num">{costText(cost)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {scores.length > 0 && (
        <section class="group">
          <h3>Scores</h3>
          <Scores scores={scores} />
        </section>
      )}
      {record && root && (record.input !== undefined || record.output !== undefined) && (
        <div class="span-panel-body">
          {(["input", "output"] as const).map((side) => (
            <Payload
              key={side}
              side={side}
              value={record[side]}
              cut={cut?.[side]}
              traceId={model.traceId}
              spanId={root.spanId}
              onWhole={() => model.select(0)}
            />
          ))}
        </div>
      )}
      {metadata && Object.keys(metadata).length > 0 && (
        <section class="group">
          <h3>Metadata</h3>
          <JsonTree value={metadata} />
        </section>
      )}
      <section class="group">
        <KeyValue
          facts={[
            ["Trace", <span class="mono">{model.traceId}</span>],
            ["Started", exactTime(answer.summary.startUs)],
            ["Release", answer.summary.release],
            ["Environment", answer.summary.environment],
            ["Team", answer.summary.team],
          ]}
        />
      </section>
    </div>
  );
}

interface ModelSums {
  calls: number;
  used: number;
  costUsd?: number;
  unpriced: number;
}

function modelsOf(model: TraceModel): [name: string, sums: ModelSums][] {
  const found = new Map<string, ModelSums>();
  for (const row of model.tree.value.rows) {
    if (row.model === undefined || (row.type !== "generation" && row.type !== "embedding")) continue;
    const sum = found.get(row.model) ?? { calls: 0, used: 0, unpriced: 0 };
    sum.calls++;
    sum.used += (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
    if (row.costUsd !== undefined) sum.costUsd = (sum.costUsd ?? 0) + row.costUsd;
    else if (isUnpriced(row)) sum.unpriced++;
    found.set(row.model, sum);
  }
  return [...found].sort(([, a], [, b]) => (b.costUsd ?? 0) - (a.costUsd ?? 0) || b.calls - a.calls);
}
