import { derivedSpanId } from "../../core/ids.ts";
import type { SpanRecord } from "../../core/record.ts";
import { shared } from "../../core/runtime.ts";
import type { StartWitness } from "../../core/span.ts";

/** The feature of the traces of a judge, unless `ask` names another: they cost money, and are not judged. */
export const JUDGE_FEATURE = "quality_judge";

/** Spans and prompts of judges that are known, the newest: they are asked for within seconds or minutes. 3 MB at most. */
const MAX_KNOWN = 10_000;
/** Characters by which a prompt is known again. Captured texts are rarely cut below that. */
const MAX_HEAD = 1_000;

interface Known {
  readonly spans: Set<string>;
  readonly prompts: Set<string>;
}

/** One for all judges and all monitors of the process: what one asks, another one must not judge. */
function known(): Known {
  return shared("qualityJudges", () => ({ spans: new Set<string>(), prompts: new Set<string>() }));
}

/** Notes a span that started while a judge was asked; of a trace that began there, the trace, which may go on elsewhere. */
export const noteSpan: StartWitness = ({ traceId, spanId, parentSpanId }) => {
  add(known().spans, parentSpanId === undefined ? traceId : `${traceId} ${spanId}`);
};

export function notePrompt(prompt: string): void {
  add(known().prompts, headOf(prompt));
}

/** The span is what a judge asked, wherever it stands and whatever it is called. */
export function isOfJudge({ traceId, spanId, trace }: SpanRecord): boolean {
  if (trace.feature === JUDGE_FEATURE) return true;
  const { spans } = known();
  return spans.size > 0 && (spans.has(traceId) || spans.has(`${traceId} ${spanId}`));
}

/** The question is what a judge was given, though it was asked from outside of the judge's context: by a worker of a queue. */
export function isJudgePrompt(input: string): boolean {
  const { prompts } = known();
  return prompts.size > 0 && prompts.has(headOf(input));
}

function headOf(text: string): string {
  return derivedSpanId(text.trim().slice(0, MAX_HEAD));
}

function add(set: Set<string>, id: string): void {
  set.add(id);
  if (set.size > MAX_KNOWN) set.delete(set.values().next().value!);
}
