import type { Usage } from "../core/record.ts";
import { normalizeUsage } from "../core/usage.ts";
import { sessionsOpened } from "./container-sessions.ts";
import { ascending } from "./lists.ts";
import type { ModelMessage } from "./messages.ts";
import type { Plan } from "./plan.ts";
import { readMessage, readStep, resultPart } from "./read.ts";
import { agentSpan, isTerminal, type RunData, runChat, stepChat, toolSpan } from "./run-spans.ts";
import type { Message, Run, Step } from "./shapes.ts";

/**
 * The spans of a run: `invoke_agent`, and below it one `chat` for each step with usage, else one with the run's usage,
 * and `execute_tool` for every tool call. Tokens stand on `chat` spans only, and only once the run has ended.
 */
export function planRun(data: RunData): Plan {
  const { run } = data;
  const steps = ascending(data.steps.items.map(readStep), data.steps.newestFirst);
  const messages = ascending(data.messages.items.map(readMessage), data.messages.newestFirst);
  const sessions = codeSessions(data, steps);
  const agent = agentSpan(data, conversation(data, messages), steps.length);
  const billed = withSessions(billedSteps(run, steps), sessions);
  const children = steps.flatMap((step, index) => {
    const tools = step.calls.map((call) => toolSpan(data, agent, step, call));
    const usage = billed.get(step);
    if (usage === undefined) return tools;
    const previous = steps[index - 1];
    const input = previous === undefined ? agent.patch.input : resultsOf(previous);
    const output = said(messages.filter(({ id }) => id !== undefined && id === step.messageId));
    return [stepChat(data, agent, step, { usage, input, output, isLast: index === steps.length - 1 }), ...tools];
  });
  const usage = withSession(normalizeUsage(run.usage), sessions);
  // Without tokens and without an answer nothing says that a model was called at all.
  const wasCalled = usage !== undefined || agent.patch.output !== undefined || run.status === "completed";
  if (isTerminal(run.status) && billed.size === 0 && wasCalled) children.unshift(runChat(data, agent, usage));
  return {
    id: run.id,
    status: run.status,
    isTerminal: isTerminal(run.status),
    conversationId: data.threadId,
    previousId: undefined,
    spans: [agent, ...children],
  };
}

/** What the run was asked, and what it answered: the messages that carry its id, never just the newest of the thread. */
function conversation(
  { run, input, output }: RunData,
  messages: readonly Message[],
): { input: unknown; output: unknown } {
  const firstOwn = messages.findIndex(({ runId }) => runId === run.id);
  const earlier = firstOwn === -1 ? messages : messages.slice(0, firstOwn);
  const asked = earlier.filter(({ startMs = 0 }) => startMs <= (run.startMs ?? startMs));
  return { input: input ?? said(asked), output: output ?? said(messages.filter(({ runId }) => runId === run.id)) };
}

function said(messages: readonly Message[]): ModelMessage[] | undefined {
  if (messages.length === 0) return undefined;
  return messages.map(({ role, parts, finishReason }) => {
    return { role, parts, ...(finishReason !== undefined && { finish_reason: finishReason }) };
  });
}

function resultsOf({ calls }: Step): ModelMessage[] | undefined {
  return calls.length === 0 ? undefined : calls.map((call) => ({ role: "tool", parts: [resultPart(call)] }));
}

/**
 * Steps with their tokens, where these add up to the run's own. Where they do not (one page of many, steps without
 * usage) there are none, and the run speaks for itself.
 */
function billedSteps(run: Run, steps: readonly Step[]): ReadonlyMap<Step, Usage> {
  const billed = new Map<Step, Usage>();
  if (!isTerminal(run.status)) return billed;
  const sum = { input: 0, output: 0 };
  for (const step of steps) {
    const usage = normalizeUsage(step.usage);
    if (usage === undefined) continue;
    billed.set(step, usage);
    sum.input += usage.inputTokens ?? 0;
    sum.output += usage.outputTokens ?? 0;
  }
  const total = normalizeUsage(run.usage);
  const addsUp = total === undefined || (total.inputTokens === sum.input && total.outputTokens === sum.output);
  return addsUp ? billed : new Map();
}

/** Sessions of the code interpreter that the run opened: one is of a thread, and serves all its runs of an hour. */
function codeSessions({ run, threadId, observedMs }: RunData, steps: readonly Step[]): number {
  if (!isTerminal(run.status)) return 0;
  const first = steps.find(({ calls }) => calls.some(({ type }) => type === "code_interpreter"));
  if (first === undefined) return 0;
  return sessionsOpened(run.id, [threadId ?? run.id], first.startMs ?? run.startMs ?? observedMs);
}

/** The fee of a session has one place too: the run's first model call. */
function withSessions(billed: ReadonlyMap<Step, Usage>, sessions: number): ReadonlyMap<Step, Usage> {
  const [first] = billed;
  return first === undefined ? billed : new Map([...billed, [first[0], withSession(first[1], sessions)]]);
}

function withSession<U extends Usage | undefined>(usage: U, sessions: number): U {
  return usage === undefined || sessions === 0 ? usage : { ...usage, codeInterpreterSessions: sessions };
}
