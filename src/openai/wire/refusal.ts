import { ask, takeAdmission } from "../../core/admission.ts";
import type { Verdict } from "../../core/call-watch.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import { field, text } from "../fields.ts";
import type { Call } from "./call.ts";
import type { EndpointKind } from "./exchange.ts";
import type { ApiFailure } from "./failure.ts";
import { withModel } from "./new-body.ts";

export type Refusal = NonNullable<Verdict["refuse"]>;

/**
 * Requests that make a model work for money. Moderations are free and guard others. A run that has been created may go on
 * to its end: without the outputs of its tools it would only wait until it expires.
 */
const MODEL_CALLS: ReadonlySet<EndpointKind> = new Set([
  "chat",
  "completion",
  "response",
  "embedding",
  "image",
  "speech",
  "transcription",
  "run.create",
]);

export function isModelCall(kind: EndpointKind): boolean {
  return MODEL_CALLS.has(kind);
}

/** How a call was asked for first. Its attempts are asked for in the same way. */
interface Asked {
  readonly span: RecordingSpan;
  /** That the caller's request names. */
  readonly model: string | undefined;
}

const askedFor = new WeakMap<Call, Asked>();

/**
 * What is to become of the next attempt of a call. The first call right below an observed function that was let through is
 * the call of that function: it is asked for again only where its request knows the model and the function did not.
 */
export function verdictOf(call: Call): Verdict | undefined {
  const { runtime, parent, provider, request } = call.exchange;
  // `fetch` says itself that it makes no such request.
  if (call.request.signal?.aborted === true) return undefined;
  const before = askedFor.get(call);
  const admission = before === undefined ? takeAdmission(parent) : undefined;
  const first = before?.span ?? admission?.span;
  const span = first === undefined || first.ended ? call.ownSpan() : first;
  if (span === undefined) return undefined;
  const model = before === undefined ? text(field(request, "model")) : before.model;
  askedFor.set(call, { span, model });
  if (span === admission?.span && (admission.askedModel !== undefined || model === undefined)) {
    return admission.model === undefined ? undefined : { model: admission.model };
  }
  return ask(runtime, span, { provider, model });
}

/**
 * The request of a call with the model that was chosen for it, where that can be changed: in JSON, and not where the
 * address has it (Azure's deployments). The record has the model that was sent, and says which one was asked for.
 */
export function sentFor(
  call: Call,
  init: RequestInit | undefined,
  chosen: string | undefined,
): RequestInit | undefined {
  const { exchange } = call;
  const asked = askedFor.get(call)?.model;
  const mayChange = chosen !== undefined && chosen !== asked && exchange.endpoint.ids["deployment"] === undefined;
  const changed = mayChange ? withModel(init, chosen) : undefined;
  const sent = changed === undefined ? asked : chosen;
  // An attempt before may have gone out with another.
  if (sent !== undefined && sent !== text(field(exchange.request, "model"))) {
    exchange.sendModel(sent);
    const attributes = asked === undefined ? {} : { "sightline.model.requested": asked };
    call.ownSpan()?.update({ genAi: { requestModel: sent }, attributes });
  }
  return changed ?? init;
}

/** In the place of an answer: OpenAI's form of an error, with a status that no client tries again. */
export function refusedResponse({ code, message }: Refusal): Response {
  return Response.json(
    { error: { message, type: TYPE, code, param: null } },
    { status: STATUS, statusText: "Payment Required", headers: { "x-should-retry": "false" } },
  );
}

export function refusedFailure({ code, message }: Refusal): ApiFailure {
  return { name: "APIError", status: STATUS, code, message, type: TYPE, param: undefined };
}

const STATUS = 402;
const TYPE = "budget_exceeded";
