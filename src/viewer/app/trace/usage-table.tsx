import type { SpanRecord } from "../../../core/record.ts";
import { integer, NONE, usd } from "../format.ts";

/** Tokens and money of a call, and where the money is from. */
export function UsageTable({ record: { usage, cost, genAi } }: { record: SpanRecord }) {
  return (
    <>
      <table class="fact-table">
        <tbody>
          <UsageLine name="Input" count={usage?.inputTokens} money={cost?.input} />
          <UsageLine name="cached" count={usage?.cacheReadInputTokens} isPart />
          <UsageLine name="written to the cache" count={usage?.cacheWriteInputTokens} isPart />
          <UsageLine name="audio" count={usage?.audioInputTokens} isPart />
          <UsageLine name="image" count={usage?.imageInputTokens} isPart />
          <UsageLine name="Output" count={usage?.outputTokens} money={cost?.output} />
          <UsageLine name="reasoning" count={usage?.reasoningOutputTokens} isPart />
          <UsageLine name="audio" count={usage?.audioOutputTokens} isPart />
          <UsageLine name="Tools" count={undefined} money={cost?.tools} />
          <UsageLine
            name="Total"
            count={usage?.totalTokens ?? total(usage?.inputTokens, usage?.outputTokens)}
            money={cost?.total}
            isTotal
          />
        </tbody>
      </table>
      {cost && (
        <p class="faint small">
          {cost.source === "computed"
            ? `Worked out from the prices of ${cost.model ?? genAi?.responseModel ?? "the model"}${cost.book ? ` (${cost.book})` : ""}.`
            : "As the program stated it."}
        </p>
      )}
      {usage && !cost && <p class="faint small">No price is known for this model: sums above are lower bounds.</p>}
    </>
  );
}

interface UsageLineProps {
  name: string;
  count: number | undefined;
  money?: number | undefined;
  /** Of the line above. */
  isPart?: boolean;
  isTotal?: boolean;
}

function UsageLine({ name, count, money, isPart, isTotal }: UsageLineProps) {
  if (count === undefined && money === undefined) return null;
  if (isPart && !count) return null;
  return (
    <tr class={isTotal ? "total" : isPart ? "part-line" : undefined}>
      <th>{name}</th>
      <td class="num">{count === undefined ? "" : `${integer(count)} tok`}</td>
      <td class="num">{isPart ? "" : money === undefined ? NONE : usd(money)}</td>
    </tr>
  );
}

function total(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
}
