import { badRequest, notFound, page, type Routes, type Wire, type World } from "./http.ts";
import { isLive } from "./run.ts";
import { addMessage, createThread, findAssistant, findThread, type ThreadStore } from "./store.ts";

/** Assistants, threads and messages. */
export function threadRoutes(world: World, store: ThreadStore): Routes {
  const { assistants, threads } = store;

  return {
    "POST /assistants": ({ body }) => {
      if (typeof body.model !== "string") throw badRequest("Missing required parameter: 'model'.");
      const assistant: Wire = {
        id: world.id("asst_"),
        object: "assistant",
        created_at: world.now(),
        name: body.name ?? null,
        description: body.description ?? null,
        model: body.model,
        instructions: body.instructions ?? null,
        tools: body.tools ?? [],
        tool_resources: body.tool_resources ?? {},
        metadata: body.metadata ?? {},
        temperature: body.temperature ?? 1,
        top_p: body.top_p ?? 1,
        reasoning_effort: body.reasoning_effort ?? null,
        response_format: body.response_format ?? "auto",
      };
      assistants.set(assistant.id, assistant);
      return { json: assistant };
    },
    "GET /assistants": ({ query }) => ({ json: page([...assistants.values()], query) }),
    "GET /assistants/:assistant_id": ({ params }) => ({ json: findAssistant(store, params.assistant_id) }),
    "DELETE /assistants/:assistant_id": ({ params }) => {
      const { id } = findAssistant(store, params.assistant_id);
      assistants.delete(id);
      return { json: { id, object: "assistant.deleted", deleted: true } };
    },

    "POST /threads": ({ body }) => ({ json: createThread(world, store, body).thread }),
    "GET /threads/:thread_id": ({ params }) => ({ json: findThread(store, params.thread_id).thread }),
    "POST /threads/:thread_id": ({ params, body }) => {
      const { thread } = findThread(store, params.thread_id);
      thread.metadata = body.metadata ?? thread.metadata;
      thread.tool_resources = body.tool_resources ?? thread.tool_resources;
      return { json: thread };
    },
    "DELETE /threads/:thread_id": ({ params }) => {
      const { id } = findThread(store, params.thread_id).thread;
      threads.delete(id);
      return { json: { id, object: "thread.deleted", deleted: true } };
    },

    "POST /threads/:thread_id/messages": ({ params, body }) => {
      const state = findThread(store, params.thread_id);
      const active = state.runs.find(({ run }) => isLive(run.status));
      if (active !== undefined) {
        const { id } = state.thread;
        throw badRequest(`Can't add messages to ${id} while a run ${active.run.id} is active.`);
      }
      return { json: listed(addMessage(world, state, body)) };
    },
    "GET /threads/:thread_id/messages": ({ params, query }) => {
      const runId = query.get("run_id");
      const { messages } = findThread(store, params.thread_id);
      const asked = runId === null ? messages : messages.filter((message) => message.run_id === runId);
      return { json: page(asked.map(listed), query) };
    },
    "GET /threads/:thread_id/messages/:message_id": ({ params }) => {
      const { messages } = findThread(store, params.thread_id);
      const found = messages.find((message) => message.id === params.message_id);
      if (found === undefined) throw notFound("message", String(params.message_id));
      return { json: listed(found) };
    },
  };
}

/** Only streamed messages say what became of them. */
function listed(message: Wire): Wire {
  const { status, completed_at, incomplete_at, incomplete_details, ...rest } = message;
  return rest;
}
