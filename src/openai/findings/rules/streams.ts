/** What the event streams of answers say. */
import { evidence, type Finding, nameOf, plural, type Rule } from "../finding.ts";
import { isTerminal, stateOf } from "./waiting.ts";

/** A run stops to ask for tool outputs: its stream ends there, as it should. */
const RESTING = "requires_action";

export const streamDropped: Rule = {
  name: "stream_dropped",
  run: ({ facts }) =>
    facts.flatMap((fact): Finding[] => {
      const { stream } = fact.http ?? {};
      if (stream === undefined || stream.end === "completed" || stream.events === 0) return [];
      const status = stateOf(fact);
      const goesOn = (fact.type === "agent" || fact.openai.background === true) && status !== undefined;
      // Who stops reading a completion ends it; a run goes on without its reader.
      if (goesOn ? isTerminal(status) || status === RESTING : stream.end !== "broken") return [];
      const how = stream.end === "broken" ? "broke off" : "was left";
      return [
        {
          severity: "warning",
          spanId: fact.spanId,
          message: `The stream of ${nameOf(fact)} ${how} after ${plural(stream.events, "event")}, before its last${goesOn ? `: the run went on as ${status}, and is billed` : ""}.`,
          nextStep: goesOn
            ? "Retrieve the run by its id to see how it ended, or cancel it when nobody wants its answer."
            : "Take the answer as incomplete and ask again; look for a proxy or a timeout that ends long responses.",
          evidence: evidence({ events: stream.events, end: stream.end, status }),
        },
      ];
    }),
};

export const emptyStream: Rule = {
  name: "empty_stream",
  run: ({ facts }) =>
    facts.flatMap((fact): Finding[] => {
      const { stream, status, host } = fact.http ?? {};
      if (stream === undefined || stream.events > 0) return [];
      if (stream.end === "cancelled" || stream.end === "aborted") return [];
      return [
        {
          severity: "error",
          spanId: fact.spanId,
          message: `The stream of ${nameOf(fact)} ended without a single event, though its request had status ${status ?? "unknown"}.`,
          nextStep:
            "Look at what the server or the proxy before it really sent: an answer that is no text/event-stream reads as an empty stream.",
          evidence: evidence({ status, host, end: stream.end }),
        },
      ];
    }),
};

export const eventStatusMismatch: Rule = {
  name: "event_status_mismatch",
  run: ({ facts }) =>
    facts.flatMap((fact): Finding[] => {
      const mismatch = fact.http?.stream?.mismatch;
      if (mismatch === undefined) return [];
      const { event, status } = mismatch;
      return [
        {
          severity: "info",
          spanId: fact.spanId,
          message: `The stream of ${nameOf(fact)} sent the event ${event} with an object in status ${status}.`,
          nextStep: "Trust the status in the data, not the name of the event.",
          evidence: { event, status },
        },
      ];
    }),
};
