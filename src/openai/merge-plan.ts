/** What an object is known to be after several recordings of it, each of which knows a part. */
import type { GenAi, OpenAIDetails } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import { known } from "./fields.ts";
import type { Plan, PlannedSpan } from "./plan.ts";

/**
 * The later plan with what only the one before knew: input, parameters, a given name, children. Where tokens stand never
 * moves: model calls that would carry them once more are left out.
 */
export function mergePlans(before: Plan, later: Plan): Plan {
  const isSameState = before.status === later.status;
  const [first, ...children] = later.spans;
  const [firstBefore, ...childrenBefore] = before.spans;
  const span = mergeSpans(firstBefore, first, isSameState);
  const older = new Map(childrenBefore.map((child) => [keyOf(child), child]));
  const isPaid = before.spans.some(carriesTokens);
  const merged = children.flatMap((child) => {
    const same = older.get(keyOf(child));
    older.delete(keyOf(child));
    if (same !== undefined) return mergeSpans(same, child, isSameState);
    return isPaid && carriesTokens(child) ? [] : child;
  });
  const kept = [...older.values()].map((child) => keptChild(child, span));
  return {
    ...later,
    conversationId: later.conversationId ?? before.conversationId,
    previousId: later.previousId ?? before.previousId,
    spans: [span, ...kept, ...merged],
  };
}

/** Whether a span says something else than before. When it was looked at is nothing new; what cannot be compared is. */
export function isNews(before: PlannedSpan | undefined, later: PlannedSpan): boolean {
  try {
    return before === undefined || factsOf(before) !== factsOf(later);
  } catch {
    return true;
  }
}

export function keyOf({ key }: PlannedSpan): string {
  return JSON.stringify(key);
}

function factsOf({ name, type, failure, unfinished, patch }: PlannedSpan): string {
  return JSON.stringify(sorted({ name, type, failure, unfinished, patch }));
}

/** Merging changes the order of fields. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}

function carriesTokens({ patch: { usage, cost } }: PlannedSpan): boolean {
  return usage !== undefined || cost !== undefined;
}

/** `created_at` has whole seconds: a start that is later by less is the more exact one. */
const SECOND_MS = 1000;

function mergeSpans(before: PlannedSpan, later: PlannedSpan, isSameState: boolean): PlannedSpan {
  const wasOver = !before.unfinished && !later.unfinished;
  return {
    ...later,
    name: nameOf(before, later),
    isNamed: before.isNamed === true || later.isNamed === true,
    startMs: later.startMs < before.startMs - SECOND_MS ? later.startMs : before.startMs,
    endMs: wasOver ? before.endMs : later.endMs,
    patch: mergePatches(before.patch, later.patch, isSameState),
  };
}

function mergePatches(before: SpanPatch, later: SpanPatch, isSameState: boolean): SpanPatch {
  const { level, statusMessage, ...lasting } = before;
  const { usage, cost } = before;
  return {
    ...lasting,
    ...known(later),
    // What has been paid for stands as it was first written.
    ...known({ usage, cost }),
    ...(lasting.metadata && { metadata: { ...lasting.metadata, ...later.metadata } }),
    ...(lasting.genAi && { genAi: mergeGenAi(lasting.genAi, later.genAi ?? {}, isSameState) }),
  };
}

function mergeGenAi(before: GenAi, later: GenAi, isSameState: boolean): GenAi {
  const { finishReasons, ...lasting } = before;
  const requestModel = isAnswersModel(later) ? before.requestModel : undefined;
  return known({
    ...lasting,
    ...(isSameState && known({ finishReasons })),
    ...known(later),
    ...known({ requestModel }),
    ...(before.parameters && { parameters: { ...before.parameters, ...later.parameters } }),
    ...(before.agent && { agent: { ...before.agent, ...known(later.agent ?? {}) } }),
    ...(before.openai && { openai: mergeDetails(before.openai, later.openai ?? {}, isSameState) }),
  });
}

/** What belongs to a state does not outlive it. */
function mergeDetails(before: OpenAIDetails, later: OpenAIDetails, isSameState: boolean): OpenAIDetails {
  const { pendingToolCalls, errorCode, errorMessage, incompleteReason, missing, ...lasting } = before;
  const ofState = isSameState ? known({ pendingToolCalls, errorCode, errorMessage, incompleteReason }) : {};
  const { missing: missingNow, ...facts } = known(later) as OpenAIDetails;
  return { ...lasting, ...ofState, ...facts, ...known({ missing: stillMissing(missing, missingNow) }) };
}

/** Only what neither of two recordings had: `steps: …; messages: …`, or one list without a name. */
function stillMissing(before: string | undefined, later: string | undefined): string | undefined {
  if (before === undefined || later === undefined) return undefined;
  const listOf = (part: string): string => /^(steps|messages): /.exec(part)?.[1] ?? "";
  const lists = before.split("; ").map(listOf);
  const parts = later.split("; ").filter((part) => lists.includes(listOf(part)));
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** The name that the user gave, or else the one that says which agent or model it is. */
function nameOf(before: PlannedSpan, later: PlannedSpan): string {
  if (later.isNamed === true) return later.name;
  if (before.isNamed === true) return before.name;
  const [was, is] = [before.patch.genAi, later.patch.genAi];
  if (later.type === "agent") return was?.agent?.name !== undefined && !is?.agent?.name ? before.name : later.name;
  const isGuess = is?.requestModel === undefined || isAnswersModel(is);
  return was?.requestModel !== undefined && isGuess ? before.name : later.name;
}

/** Without its request, an answer says what model was asked for. */
function isAnswersModel({ requestModel, responseModel }: GenAi): boolean {
  return requestModel !== undefined && requestModel === responseModel;
}

/** Nothing goes on below what has ended. The one model call of a run or turn has the messages that its agent has. */
function keptChild(child: PlannedSpan, agent: PlannedSpan): PlannedSpan {
  const over = child.unfinished && !agent.unfinished ? { unfinished: false, endMs: agent.endMs } : {};
  const isWhole = child.type === "generation" && child.key.length === agent.key.length + 1;
  if (!isWhole) return { ...child, ...over };
  const { input, output } = agent.patch;
  return { ...child, ...over, patch: { ...known({ input, output }), ...child.patch } };
}
