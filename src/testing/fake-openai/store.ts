import { notFound, type Wire, type World } from "./http.ts";
import type { LiveRun } from "./run.ts";

export interface ThreadState {
  readonly thread: Wire;
  /** Oldest first. */
  readonly messages: Wire[];
  readonly runs: LiveRun[];
}

export interface ThreadStore {
  readonly assistants: Map<string, Wire>;
  readonly threads: Map<string, ThreadState>;
}

export function findAssistant(store: ThreadStore, id: string | undefined): Wire {
  const found = store.assistants.get(String(id));
  if (found === undefined) throw notFound("assistant", String(id));
  return found;
}

export function findThread(store: ThreadStore, id: string | undefined): ThreadState {
  const found = store.threads.get(String(id));
  if (found === undefined) throw notFound("thread", String(id));
  return found;
}

export function createThread(world: World, store: ThreadStore, body: Wire): ThreadState {
  const thread: Wire = {
    id: world.id("thread_"),
    object: "thread",
    created_at: world.now(),
    metadata: body.metadata ?? {},
    tool_resources: body.tool_resources ?? {},
  };
  const state: ThreadState = { thread, messages: [], runs: [] };
  for (const message of body.messages ?? []) addMessage(world, state, message);
  store.threads.set(thread.id, state);
  return state;
}

export function addMessage(world: World, state: ThreadState, body: Wire, run?: Wire): Wire {
  const content = typeof body.content === "string" ? [{ type: "text", text: body.content }] : body.content;
  const message: Wire = {
    id: world.id("msg_"),
    object: "thread.message",
    created_at: world.now(),
    assistant_id: run?.assistant_id ?? null,
    thread_id: state.thread.id,
    run_id: run?.id ?? null,
    role: body.role,
    content: (content as Wire[]).map(storedPart),
    attachments: body.attachments ?? [],
    metadata: body.metadata ?? {},
  };
  state.messages.push(message);
  return message;
}

function storedPart(part: Wire): Wire {
  return typeof part.text === "string" ? { type: "text", text: { value: part.text, annotations: [] } } : part;
}
