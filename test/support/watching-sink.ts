import type { CallWatch, Sink, StartingCall, Verdict } from "sightline";

export interface WatchingSink extends Sink {
  readonly modelCalls: CallWatch;
  /** What it was asked, oldest first. */
  readonly asked: StartingCall[];
  /** The ids of the spans of whose end it heard. */
  readonly ended: string[];
}

export const REFUSE: Verdict = {
  refuse: { code: "budget_exceeded", message: 'budget "team alpha": 5.00 of 5.00 USD are used until 2026-03-02.' },
};

/** A sink whose watch says of each call what `judge` says. */
export function watchingSink(judge: (call: StartingCall) => unknown = () => undefined): WatchingSink {
  const asked: StartingCall[] = [];
  const ended: string[] = [];
  return {
    name: "watching",
    write() {},
    asked,
    ended,
    modelCalls: {
      starting(call) {
        asked.push(call);
        return judge(call) as Verdict | undefined;
      },
      ended: (_traceId, spanId) => void ended.push(spanId),
    },
  };
}
