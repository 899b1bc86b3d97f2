import { badRequest, type Headers, notFound, page, type Reply, type Routes, type Wire, type World } from "./http.ts";
import { advance, collector, isLive, type LiveRun, newRun, submit } from "./run.ts";
import type { RunPlan } from "./run-plan.ts";
import { addMessage, createThread, findAssistant, findThread, type ThreadState, type ThreadStore } from "./store.ts";

const WITH_CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

/** Runs and their steps. Each retrieval of a run moves it one step on; a streamed run goes as far as it can at once. */
export function runRoutes(
  world: World,
  store: ThreadStore,
  options: { planOf: (body: Wire) => RunPlan; pollAfterMs: number },
): Routes {
  const headers: Headers = { "openai-poll-after-ms": String(options.pollAfterMs) };

  const findRun = ({ thread_id, run_id }: { readonly [name: string]: string }): LiveRun => {
    const found = findThread(store, thread_id).runs.find(({ run }) => run.id === run_id);
    if (found === undefined) throw notFound("run", String(run_id));
    return found;
  };

  const create = (state: ThreadState, body: Wire): LiveRun => {
    const assistant = findAssistant(store, body.assistant_id);
    const active = state.runs.find(({ run }) => isLive(run.status));
    if (active) throw badRequest(`Thread ${state.thread.id} already has an active run ${active.run.id}.`);
    for (const message of body.additional_messages ?? []) addMessage(world, state, message);
    if (!(body.instructions ?? assistant.instructions) && !state.messages.some(({ role }) => role === "user")) {
      const wanted = "a Thread with a user message or an assistant with instructions";
      throw badRequest(`Run creation requires ${wanted}.`, "invalid_thread");
    }
    return newRun(world, state, assistant, body, options.planOf(body));
  };

  const created = (state: ThreadState, body: Wire, query: URLSearchParams, thread?: Wire): Reply => {
    const live = create(state, body);
    if (body.stream !== true) return { json: live.run, headers };
    const { events, emit } = collector();
    if (thread) emit("thread.created", thread);
    emit("thread.run.created", live.run);
    emit("thread.run.queued", live.run);
    return streamed(live, query, events, emit);
  };

  const streamed = (
    live: LiveRun,
    query: URLSearchParams,
    events: ReturnType<typeof collector>["events"],
    emit: ReturnType<typeof collector>["emit"],
  ): Reply => {
    const { run } = live;
    // A run that stays as it is ends its stream without a terminal event.
    while (run.status !== "requires_action" && advance(world, live, emit));
    const shown = events.map(({ event, data }) => ({
      event: event!,
      data: event!.startsWith("thread.run.step.") ? stepView(data as Wire, query) : data,
    }));
    return { events: [...shown, { event: "done", data: "[DONE]" }] };
  };

  return {
    "POST /threads/runs": ({ body, query }) => {
      findAssistant(store, body.assistant_id);
      const state = createThread(world, store, body.thread ?? {});
      return created(state, body, query, state.thread);
    },
    "POST /threads/:thread_id/runs": ({ params, body, query }) =>
      created(findThread(store, params.thread_id), body, query),
    "GET /threads/:thread_id/runs": ({ params, query }) => {
      const runs = findThread(store, params.thread_id).runs.map(({ run }) => run);
      return { json: page(runs, query), headers };
    },
    "GET /threads/:thread_id/runs/:run_id": ({ params }) => {
      const live = findRun(params);
      advance(world, live);
      return { json: live.run, headers };
    },
    "POST /threads/:thread_id/runs/:run_id": ({ params, body }) => {
      const { run } = findRun(params);
      if (isLive(run.status)) throw badRequest(`Cannot update run with status '${run.status}'.`);
      run.metadata = body.metadata ?? run.metadata;
      return { json: run, headers };
    },
    "POST /threads/:thread_id/runs/:run_id/cancel": ({ params }) => {
      const { run } = findRun(params);
      if (!isLive(run.status)) throw badRequest(`Cannot cancel run with status '${run.status}'.`);
      run.status = "cancelling";
      return { json: run, headers };
    },
    "POST /threads/:thread_id/runs/:run_id/submit_tool_outputs": ({ params, body, query }) => {
      const live = findRun(params);
      const { run } = live;
      const outputs: Wire[] = body.tool_outputs ?? [];
      if (run.status !== "requires_action") {
        throw badRequest(`Runs in status "${run.status}" do not accept tool outputs.`);
      }
      const expected = run.required_action.submit_tool_outputs.tool_calls.map((call: Wire) => call.id);
      const got = outputs.map((output) => output.tool_call_id);
      if (expected.length !== got.length || expected.some((id: string) => !got.includes(id))) {
        throw badRequest(`Expected tool outputs for call_ids ${quoted(expected)}, got ${quoted(got)}`);
      }
      const { events, emit } = collector();
      submit(live, outputs, emit);
      return body.stream === true ? streamed(live, query, events, emit) : { json: run, headers };
    },
    "GET /threads/:thread_id/runs/:run_id/steps": ({ params, query }) => {
      const { steps } = findRun(params);
      return {
        json: page(
          steps.map((step) => stepView(step, query)),
          query,
        ),
        headers,
      };
    },
    "GET /threads/:thread_id/runs/:run_id/steps/:step_id": ({ params, query }) => {
      const step = findRun(params).steps.find(({ id }) => id === params.step_id);
      if (step === undefined) throw notFound("run step", String(params.step_id));
      return { json: stepView(step, query), headers };
    },
  };
}

/** The content of search results is left out unless the request includes it. */
function stepView(step: Wire, query: URLSearchParams): Wire {
  const include = [...query].filter(([key]) => /^include(?:\[\d*\])?$/.test(key)).map(([, value]) => value);
  if (include.includes(WITH_CONTENT)) return step;
  const view = structuredClone(step);
  const details = view.step_details ?? view.delta?.step_details;
  for (const call of details?.tool_calls ?? []) {
    for (const result of call.file_search?.results ?? []) delete result.content;
  }
  return view;
}

function quoted(ids: readonly string[]): string {
  return `[${ids.map((id) => `'${id}'`).join(", ")}]`;
}
