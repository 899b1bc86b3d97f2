import type { Runtime } from "../../core/runtime.ts";
import { field, picked } from "../fields.ts";
import type { Items } from "../lists.ts";
import { drainOpenAnswers } from "../open-answers.ts";
import type { RecordedObject } from "../recorded.ts";
import type { Wire } from "./chunk-head.ts";
import { knownCollector } from "./run-collector.ts";
import { listOf, statusOf, takeMessages, takeRun, takeSteps } from "./run-state.ts";
import { isSame } from "./shelf.ts";

/** What `recordAssistantRun` is given, with its lists read. */
export interface GivenRun {
  readonly id: string;
  readonly run: unknown;
  readonly steps: Items;
  readonly messages: Items;
  readonly assistant: unknown;
  readonly input: unknown;
  readonly output: unknown;
  readonly observedMs: number;
}

/**
 * Adds what the user records of a run to what the wire has shown of it: there is one agent span, which says both.
 * `undefined` for a run that has not been seen on the wire.
 */
export function addGivenRun(runtime: Runtime, given: GivenRun): RecordedObject | undefined {
  drainOpenAnswers(runtime);
  const collector = knownCollector(runtime);
  const watched = collector?.find(given.id);
  if (collector === undefined || watched === undefined || watched.isClosed) return undefined;
  const { state, traceId, spanId } = watched;
  const before = statusOf(state);
  const askedBefore = field(state.run, "required_action");
  // Only what is given: an id and a status are enough.
  takeRun(state, { ...state.run, ...plain(given.run) }, given.observedMs);
  const status = statusOf(state);
  let isNews = status !== before || !isSame(field(state.run, "required_action"), askedBefore);
  if (given.steps.items.length > 0) isNews = takeSteps(state, page(given.steps), given.steps.newestFirst) || isNews;
  if (given.messages.items.length > 0) {
    const { messages, observedMs } = given;
    isNews = takeMessages(state.thread, page(messages), messages.newestFirst, observedMs).length > 0 || isNews;
  }
  const { input, output } = given;
  const assistant = given.assistant && picked(given.assistant, ["name", "description"]);
  for (const [key, value] of Object.entries({ assistant, input, output }) as [keyof typeof state.said, unknown][]) {
    if (value === undefined || isSame(value, state.said[key])) continue;
    state.said[key] = plain(value);
    isNews = true;
  }
  collector.touch(watched, isNews);
  return { traceId, spanId, id: given.id, status, recorded: isNews };
}

function page({ items, missing }: Items): Wire {
  return { data: listOf(items).map(plain), has_more: missing !== undefined };
}

/** As it is now: what the user was given may change until it is written. */
function plain(value: unknown): Wire {
  return JSON.parse(JSON.stringify(value)) as Wire;
}
