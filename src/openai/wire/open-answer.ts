import type { RecordingSpan } from "../../core/recording-span.ts";
import { completionId } from "../chat.ts";
import { field, text } from "../fields.ts";
import { openAnswers } from "../open-answers.ts";
import { forget, type RecordedState, recall, remember } from "../recorded-state.ts";
import type { BodyReader } from "./body-reader.ts";
import { isObject } from "./chunk-head.ts";
import type { Exchange } from "./exchange.ts";

/** A streamed answer, from its head to its end. */
export interface OpenAnswer {
  /** Takes an event of it: from the first that has an id, whoever records the object knows that the wire will write it. */
  event(data: unknown): void;
  /** It has been written, or is given up. */
  end(): void;
}

/** `span` is that of the call; without one the answer lands elsewhere. */
export function openAnswer(exchange: Exchange, span: RecordingSpan | undefined, reader: () => BodyReader): OpenAnswer {
  const { runtime } = exchange;
  const { kind } = exchange.endpoint;
  const drain = (): void => reader().drain();
  openAnswers(runtime).add(drain);
  let noted: string | undefined;
  let last: string | undefined;
  let isKnown = false;
  let state: RecordedState | undefined;

  /** Nothing has taken its place: neither its end nor that it goes on in the background. */
  const leave = (): void => {
    if (noted !== undefined && recall(runtime, noted) === state) forget(runtime, noted);
    noted = state = undefined;
  };

  return {
    event(data) {
      if (isKnown || span === undefined || span.ended || !isObject(data)) return;
      const id = kind === "response" ? text(field(data["response"], "id")) : kind === "chat" ? completionId(data) : "";
      if (id === undefined || id === "") return;
      // Told twice, it stays: the many chunks to come are not asked.
      isKnown = id === last;
      last = id;
      if (isKnown || id === noted) return;
      // Of chats the first chunk may have another time than the next ones.
      leave();
      if (recall(runtime, id) !== undefined) return;
      noted = id;
      const { traceId, spanId, parentSpanId, trace } = span;
      const parent = { traceId, spanId: parentSpanId, trace };
      const open = { status: "in_progress", isTerminal: false, seq: 0, isOnWire: true, isOpen: true };
      state = { parent, traceId, spanId, ...open };
      remember(runtime, id, state);
    },
    end() {
      openAnswers(runtime).delete(drain);
      leave();
    },
  };
}
