import type { Wire, World } from "./http.ts";
import type { Emit, LiveRun } from "./run.ts";
import { finish } from "./run-end.ts";
import { closeStep, openStep } from "./steps.ts";
import { addMessage } from "./store.ts";
import { lastQuestion, pieces, plainText, tokens, truncate } from "./text.ts";

/** The messages of a run, a step each, and its end. */
export function answerSteps(world: World, live: LiveRun, emit: Emit): void {
  const { run, state, plan } = live;
  const { ending = "completed" } = plan;
  const isFailed = ending === "failed";
  let isCut = false;
  for (const said of plan.messages ?? [spoken(world, live)]) {
    let content: string | readonly Wire[] = isFailed ? [] : said;
    if (typeof content === "string") {
      const limit = ending === "incomplete" ? Math.ceil(tokens(content) / 2) : run.max_completion_tokens;
      const { text, cut } = truncate(content, limit);
      content = text;
      isCut ||= cut;
    }
    const message = addMessage(world, state, { role: "assistant", content }, run);
    message.created_at = live.now();
    const creation = { type: "message_creation", message_creation: { message_id: message.id } };
    const step = openStep(world, live, "message_creation", creation, emit);
    tell(live, message, isFailed ? "run_failed" : isCut ? "max_tokens" : undefined, emit);
    closeStep(live, step, isFailed ? "failed" : "completed", tokens(plainText(message.content)), emit);
    if (isFailed || isCut) break;
  }
  finish(live, isFailed ? "failed" : isCut || ending === "incomplete" ? "incomplete" : "completed", emit);
}

function spoken(world: World, { run, state }: LiveRun): string | readonly Wire[] {
  const { text = "", refusal } = world.answer(lastQuestion(state.messages), run);
  return refusal === undefined ? text : [{ type: "refusal", refusal }];
}

/** The events of a message; only here it says what became of it. */
function tell(live: LiveRun, message: Wire, failure: string | undefined, emit: Emit): void {
  const { content } = message;
  Object.assign(message, { status: "in_progress", content: [], completed_at: null, incomplete_at: null });
  message.incomplete_details = null;
  emit("thread.message.created", message);
  emit("thread.message.in_progress", message);
  content.forEach((part: Wire, index: number) => {
    for (const piece of partDeltas(part)) {
      const delta = { content: [{ index, ...piece }] };
      emit("thread.message.delta", { id: message.id, object: "thread.message.delta", delta });
    }
  });
  message.content = content;
  if (failure === undefined) Object.assign(message, { status: "completed", completed_at: live.now() });
  else
    Object.assign(message, {
      status: "incomplete",
      incomplete_at: live.now(),
      incomplete_details: { reason: failure },
    });
  emit(`thread.message.${message.status}`, message);
}

function partDeltas(part: Wire): Wire[] {
  if (part.type !== "text") return [part];
  const { value, annotations } = part.text;
  return pieces(value).map((piece, i) => ({
    type: "text",
    text: i === 0 ? { value: piece, annotations } : { value: piece },
  }));
}
