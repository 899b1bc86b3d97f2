import type { SpanPatch } from "../core/span.ts";
import type { Describer, RequestedSpan } from "./describe.ts";
import { field, known, picked, text } from "./fields.ts";
import { textPart } from "./messages.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { textMessages } from "./prompts.ts";

/** `POST /audio/speech`: the text. How many bytes of sound came back stands on the HTTP call. */
export const speechDescriber: Describer = {
  request: speechRequest,
  plan(call) {
    const { answer } = call;
    const patch = { ...paidFor(field(answer, "usage")) };
    const requested = speechRequest(call.request, call.provider);
    return answeredPlan(call, { requested, patch, failure: errorOf(answer) });
  },
};

function speechRequest(request: unknown, provider: string): RequestedSpan {
  const instructions = text(field(request, "instructions"));
  return requestedSpan(request, provider, {
    verb: "text_to_speech",
    type: "generation",
    input: textMessages(field(request, "input")),
    parameters: ["voice", "response_format", "speed", "stream_format"],
    genAi: {
      outputType: "speech",
      ...(instructions !== undefined && { systemInstructions: [{ type: "text", content: instructions }] }),
    },
  });
}

/** `POST /audio/transcriptions` and `/audio/translations`: the text that was heard. */
export const transcriptionDescriber: Describer = {
  request: transcriptionRequest,
  plan(call) {
    const { answer } = call;
    // Asked for as text, SRT or VTT, the answer is no JSON.
    const heard = text(answer) ?? text(field(answer, "text"));
    const patch: SpanPatch = known({
      output: heard === undefined ? undefined : [{ role: "assistant", parts: [textPart(heard)] }],
      ...paidFor(field(answer, "usage")),
      metadata: picked(answer, ["language", "duration"]),
      genAi: known({ responseModel: text(field(answer, "model")) }),
    });
    const requested = transcriptionRequest(call.request, call.provider);
    return answeredPlan(call, { requested, patch, failure: errorOf(answer) });
  },
};

function transcriptionRequest(request: unknown, provider: string): RequestedSpan {
  return requestedSpan(request, provider, {
    verb: "transcription",
    type: "generation",
    input: textMessages(field(request, "prompt")),
    parameters: ["language", "response_format", "temperature", "timestamp_granularities", "stream"],
    genAi: { outputType: "text" },
  });
}
