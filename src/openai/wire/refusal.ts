import { ask, takeAdmission } from "../../core/admission.ts";
import type { Verdict } from "../../core/call-watch.ts";
import { field, text } from "../fields.ts";
import { askedFor, noteAsked } from "./asked.ts";
import type { Call } from "./call.ts";
import type { EndpointKind } from "./exchange.ts";
import type { ApiFailure } from "./failure.ts";
import { withModel } from "./new-body.ts";
import { knownCollector } from "./run-collector.ts";

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

/** What becomes of a request. */
interface Decision {
  readonly refuse?: Refusal | undefined;
  /** As it is sent. */
  readonly init: RequestInit | undefined;
}

/**
 * What is to become of the next attempt of a call. The first call below an observed function that was let through is the
 * call of that function: it is asked for again only where its request knows the model and the function did not. A model
 * that was chosen for it is put into the request where that can be changed: in JSON, not in a `Request`, and not where the
 * address has it (Azure's deployments). Where it cannot, those who want another model are asked whether it may go out.
 */
export function decide(call: Call, init: RequestInit | undefined, isAddress: boolean): Decision {
  // `fetch` says itself that it makes no such request.
  if (call.request.signal?.aborted === true) return { init };
  const { exchange } = call;
  const { refuse, model: chosen } = verdictOf(call) ?? {};
  if (refuse !== undefined) return { refuse, init };
  const how = askedFor(exchange);
  const isOther = chosen !== undefined && chosen !== how?.model;
  const mayChange = isOther && isAddress && exchange.endpoint.ids["deployment"] === undefined;
  const changed = mayChange ? withModel(init, chosen) : undefined;
  if (isOther && changed === undefined && how !== undefined) {
    const { provider, runtime } = exchange;
    const asked = { provider, model: how.model ?? assumedModel(exchange), canReroute: false };
    const last = ask(runtime, how.span, asked);
    if (last?.refuse !== undefined) return { refuse: last.refuse, init };
  }
  noteModel(call, changed === undefined ? how?.model : chosen, how?.model);
  return { init: changed ?? init };
}

function verdictOf(call: Call): Verdict | undefined {
  const { exchange } = call;
  const { runtime, parent, provider, request } = exchange;
  const before = askedFor(exchange);
  const taken = before === undefined ? takeAdmission(parent) : undefined;
  const admission = taken?.span.ended === false ? taken : undefined;
  const first = before?.span ?? admission?.span;
  const span = first === undefined || first.ended ? call.ownSpan() : first;
  if (span === undefined) return undefined;
  const named = before === undefined ? text(field(request, "model")) : before.model;
  const model = named ?? assumedModel(exchange);
  noteAsked(exchange, { span, model: named });
  if (admission !== undefined && (admission.askedModel !== undefined || model === undefined)) {
    return admission.model === undefined ? undefined : { model: admission.model };
  }
  return ask(runtime, span, { provider, model });
}

/** A run that names no model has its assistant's. */
function assumedModel({ endpoint, request, runtime }: Call["exchange"]): string | undefined {
  const assistantId = endpoint.kind === "run.create" ? text(field(request, "assistant_id")) : undefined;
  return assistantId === undefined ? undefined : knownCollector(runtime)?.modelOf(assistantId);
}

/** The record has the model that was sent, and says which one was asked for. */
function noteModel(call: Call, sent: string | undefined, asked: string | undefined): void {
  // An attempt before may have gone out with another.
  if (sent === undefined || sent === text(field(call.exchange.request, "model"))) return;
  call.exchange.sendModel(sent);
  const attributes = asked === undefined ? {} : { "sightline.model.requested": asked };
  call.ownSpan()?.update({ genAi: { requestModel: sent }, attributes });
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
