import { guard, swallow } from "../core/guard.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import type { SpanRef } from "../core/start.ts";
import { planTurn, statusOf } from "./agent-plan.ts";
import { field, moment, text } from "./fields.ts";
import { type Items, itemsOf } from "./lists.ts";
import { type RecordedObject, writePlan } from "./recorded.ts";
import { recall } from "./recorded-state.ts";
import type { Listable, Listed, Moment } from "./shapes.ts";

/** What is read of a turn (`agent.session.turn`); in camelCase too. Only `id` and `status` must be there. */
export interface AgentTurnLike {
  readonly id: string;
  readonly status: string;
  readonly object?: string;
  readonly agent_id?: string;
  readonly subagent_id?: string | null;
  readonly session_id?: string;
  readonly created_at?: Moment;
  readonly started_at?: Moment;
  readonly completed_at?: Moment;
  readonly error?: { readonly code?: string; readonly message?: string } | null;
  readonly usage?: unknown;
}

/** What is read of an agent or a subagent. */
export interface AgentLike {
  readonly id?: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly model?: string;
  readonly instructions?: unknown;
  readonly tools?: readonly unknown[];
}

/** A turn of a subagent with what belongs to it. */
export interface SubagentTurn<List = Listable<unknown>> {
  readonly turn: AgentTurnLike;
  /** Default: those of the items of the turn above that carry this turn's id. */
  readonly items?: List;
  /** Turns of its own subagents. */
  readonly subagentTurns?: List;
  readonly agent?: AgentLike;
}

export interface RecordAgentTurnOptions<List = Listable<unknown>> {
  /** The items of the turn, for messages and tool calls. Those of other turns among them are left aside. */
  items?: List;
  /** The turns of subagents that this turn has started: turns, or `SubagentTurn`s. */
  subagentTurns?: List;
  /** For name, model, instructions and tools. Default: the session's. */
  agent?: AgentLike;
  session?: { readonly id?: string; readonly agent?: AgentLike };
  /** Instead of the messages of the user. */
  input?: unknown;
  /** Instead of the messages of the agent. */
  output?: unknown;
  /** When the turn was read: the end of what has no end yet. Default: now. */
  observedAt?: Moment;
  /** Default: `openai`. */
  provider?: string;
}

/**
 * Records a turn of the Agents API under the current span: an agent span with one `chat` generation that carries the
 * turn's tokens, a tool span for each tool call, and the turns of subagents below it, each with its own tokens, as a turn
 * counts only those of its own agent. The session is the conversation, and the session of a trace that has none.
 *
 * Lists are arrays or pages; with a promise or an async iterable among them it returns a promise. Never throws and never
 * rejects. Record a turn as often as you like: one turn is one observation, which keeps what each recording knew. A turn
 * that has not ended is written as unfinished, with a warning and without usage, again when there is news of it or when it
 * is twice as old, and completed by a later recording. What is given after its end is added: items, subagents. Its tokens
 * stay where they are.
 *
 * @example
 * const turn = await openai.beta.agents.sessions.turns.retrieve(turnId, { session_id: session.id });
 * const items = await openai.beta.agents.sessions.turns.items.list(turnId, { session_id: session.id });
 * recordAgentTurn(turn, { items, session });
 */
export function recordAgentTurn(turn: AgentTurnLike, options?: RecordAgentTurnOptions<Listed<unknown>>): RecordedObject;
export function recordAgentTurn(turn: AgentTurnLike, options: RecordAgentTurnOptions): Promise<RecordedObject>;
export function recordAgentTurn(
  turn: AgentTurnLike,
  options: RecordAgentTurnOptions = {},
): RecordedObject | Promise<RecordedObject> {
  const nothing: RecordedObject = {
    traceId: OFF_SPAN.traceId,
    spanId: OFF_SPAN.spanId,
    ...guard(() => ({ id: text(field(turn, "id")) ?? "", status: statusOf(turn) }), { id: "", status: "unknown" }),
    recorded: false,
  };
  return guard(() => {
    const runtime = activeRuntime();
    const parent = runtime?.carrier.get();
    const observedMs = moment(options?.observedAt) ?? runtime?.clock.epochMs() ?? 0;
    const finish = (tree: TurnTree): RecordedObject =>
      guard(() => (runtime === null ? nothing : record(runtime, parent, tree, { ...options, observedMs })), nothing);
    // Read also when tracing is off: a rejection that nobody handles would end the process.
    const { items, subagentTurns, agent = options?.session?.agent } = options ?? {};
    const tree = gather({ turn, items, subagentTurns, agent }, 0);
    if (!(tree instanceof Promise)) return finish(tree);
    return tree.then(finish).catch((error: unknown) => {
      swallow(error);
      return nothing;
    });
  }, nothing);
}

/** A turn with all its lists at hand. */
interface TurnTree {
  readonly turn: unknown;
  readonly agent: unknown;
  /** Not given: they are among those of the turn above. */
  readonly items: Items | undefined;
  readonly subagents: readonly TurnTree[];
}

/** Subagents of subagents; a cycle ends here. */
const MAX_DEPTH = 8;

function gather(given: { [K in keyof SubagentTurn]?: unknown }, depth: number): TurnTree | Promise<TurnTree> {
  const hasItems = given.items !== undefined && given.items !== null;
  const [items, turns] = [itemsOf(given.items as Listed<unknown>), itemsOf(given.subagentTurns as Listed<unknown>)];
  const assemble = (own: Items, below: Items): TurnTree | Promise<TurnTree> => {
    const nested = depth >= MAX_DEPTH ? [] : oldestFirst(below).map((each) => gather(subagentTurn(each), depth + 1));
    const tree = { turn: given.turn, agent: given.agent, items: hasItems ? own : undefined };
    const isLater = nested.some((each) => each instanceof Promise);
    if (!isLater) return { ...tree, subagents: nested as TurnTree[] };
    return Promise.all(nested).then((subagents) => ({ ...tree, subagents }));
  };
  if (!(items instanceof Promise || turns instanceof Promise)) return assemble(items, turns);
  return Promise.all([items, turns]).then(([own, below]) => assemble(own, below));
}

function subagentTurn(given: unknown): { [K in keyof SubagentTurn]?: unknown } {
  const turn = field(given, "turn");
  if (turn === undefined) return { turn: given };
  const [items, subagentTurns] = [field(given, "items"), field(given, "subagent_turns")];
  return { turn, items, subagentTurns, agent: field(given, "agent") };
}

/** By their times. */
function oldestFirst({ items, newestFirst }: Items): readonly unknown[] {
  const ordered = newestFirst ? items.toReversed() : items.slice();
  const time = (each: unknown): number => moment(field(field(each, "turn") ?? each, "created_at")) ?? 0;
  return ordered.sort((a, b) => time(a) - time(b));
}

type Facts = RecordAgentTurnOptions & { readonly observedMs: number };

function record(runtime: Runtime, parent: Span | undefined, tree: TurnTree, facts: Facts): RecordedObject {
  const { input, output, session } = facts;
  if (text(field(tree.turn, "id")) === undefined) throw new TypeError("recordAgentTurn: the turn has no id");
  const items = tree.items ?? { items: [], newestFirst: false };
  const inOrder = { ...items, items: chronological(items) };
  const model = text(field(tree.agent, "model"));
  const sessionId = text(field(tree.turn, "session_id")) ?? text(field(session, "id"));
  return write(runtime, parent, tree, { items: inOrder, model, sessionId, input, output, facts });
}

interface Known {
  /** Also those of other turns. */
  readonly items: Items;
  readonly model: string | undefined;
  readonly sessionId: string | undefined;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly facts: Facts;
}

/** A turn and, below its span, the turns of its subagents: each is recorded by itself. */
function write(
  runtime: Runtime,
  parent: Span | SpanRef | undefined,
  { turn, agent, subagents }: TurnTree,
  { items, facts, ...rest }: Known,
): RecordedObject {
  const { provider = "openai", observedMs } = facts;
  const id = text(field(turn, "id"));
  const own = items.items.filter((item) => isOf(item, id));
  const data = { turn, agent, input: undefined, output: undefined, ...rest, provider, observedMs };
  const recorded = writePlan(runtime, parent, planTurn({ ...data, items: { ...items, items: own } }));
  const state = recall(runtime, recorded.id);
  if (state === undefined) return recorded;
  const { trace } = state.parent as SpanRef;
  const below: SpanRef = { traceId: state.traceId, spanId: state.spanId, trace };
  const written = subagents.map((each) =>
    guard(() => {
      if (text(field(each.turn, "id")) === undefined) return false;
      const listed = each.items && { ...each.items, items: chronological(each.items) };
      const model = text(field(each.agent, "model")) ?? modelOf(each.turn, own, rest.model);
      const { sessionId } = rest;
      return write(runtime, below, each, { items: listed ?? items, model, sessionId, facts }).recorded;
    }, false),
  );
  return { ...recorded, recorded: recorded.recorded || written.includes(true) };
}

/** Items do not say when they were made. What comes before what says which way the list runs; otherwise it is as asked for. */
function chronological({ items, newestFirst }: Items): readonly unknown[] {
  const place = (type: string): number => items.findIndex((item) => said(item, "type") === type);
  const [call, result] = [place("function_call"), place("function_call_output")];
  const [first, last] = [items[0], items.at(-1)];
  const asks = (item: unknown): boolean => said(item, "type") === "message" && said(item, "role") === "user";
  let isDescending = newestFirst;
  if (call !== -1 && result !== -1) isDescending = result < call;
  else if (asks(first) !== asks(last)) isDescending = asks(last);
  return isDescending ? items.toReversed() : items;
}

/** An item that cannot be read must not cost the others. */
function said(item: unknown, name: string): string | undefined {
  return guard(() => text(field(item, name)), undefined);
}

function isOf(item: unknown, turnId: string | undefined): boolean {
  const of = said(item, "turn_id");
  return of === undefined || of === turnId;
}

/** A subagent's model is named where it is created; without a name there it is that of the agent above. */
function modelOf(turn: unknown, items: readonly unknown[], inherited: string | undefined): string | undefined {
  const ids = [field(turn, "subagent_id"), field(turn, "agent_id")];
  const creation = items.find(
    (item) => said(item, "type") === "create_subagent_call" && ids.includes(said(item, "agent_id")),
  );
  return creation === undefined ? undefined : (text(field(creation, "model")) ?? inherited);
}
