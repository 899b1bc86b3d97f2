/** What the calls of all endpoints that run a model have in common: one span, its names, what was paid for. */
import type { GenAi, JsonObject, ObservationType, Usage } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import { normalizeUsage } from "../core/usage.ts";
import type { DescribedCall, RequestedSpan } from "./describe.ts";
import { field, known, picked, text } from "./fields.ts";
import type { Plan } from "./plan.ts";
import type { Failure } from "./shapes.ts";

/** What an endpoint says of its requests. */
export interface RequestFacts {
  /** First word of the span's name; the second is the model. */
  readonly verb: string;
  readonly type: ObservationType;
  readonly input: unknown;
  /** The request's fields that are kept, by their wire names. */
  readonly parameters?: readonly string[];
  readonly genAi?: GenAi;
}

/** OpenTelemetry's words for what a model call does; the other verbs are only names. */
const OPERATIONS = new Set(["chat", "text_completion", "generate_content", "embeddings"]);

/** A request as a span. `model` stands in for the request's own, which Azure has in the address. */
export function requestedSpan(
  request: unknown,
  provider: string,
  { verb, type, input, parameters = [], genAi }: RequestFacts,
  model?: string,
): RequestedSpan {
  const requestModel = text(field(request, "model")) ?? model;
  const metadata = field(request, "metadata");
  const patch: SpanPatch = known({
    input,
    metadata: isEmpty(metadata) ? undefined : { request_metadata: metadata },
    genAi: known({
      operation: OPERATIONS.has(verb) ? verb : undefined,
      provider,
      requestModel,
      parameters: picked(request, parameters) as JsonObject | undefined,
      stream: field(request, "stream") === true ? true : undefined,
      ...genAi,
    }),
  });
  return { name: requestModel === undefined ? verb : `${verb} ${requestModel}`, type, patch };
}

/** What an endpoint says of an answer to a request. */
export interface AnswerFacts {
  /** Absent where answers have no id: such a call is recorded each time. */
  readonly id?: string;
  readonly requested: RequestedSpan;
  readonly patch: SpanPatch;
  readonly failure?: Failure | undefined;
}

/** A call that is answered, as the plan of one span. */
export function answeredPlan(call: DescribedCall, { id = "", requested, patch, failure }: AnswerFacts): Plan {
  const { name, type, patch: asked } = requested;
  const metadata = asked.metadata || patch.metadata ? { ...asked.metadata, ...patch.metadata } : undefined;
  const whole = known({ ...asked, ...patch, metadata, genAi: known({ ...asked.genAi, ...patch.genAi }) });
  return {
    id,
    status: failure === undefined ? "completed" : "failed",
    isTerminal: true,
    conversationId: undefined,
    previousId: undefined,
    spans: [
      {
        key: id === "" ? [] : [id],
        name,
        type,
        kind: "client",
        startMs: call.startMs,
        endMs: call.endMs,
        unfinished: false,
        failure,
        patch: whole as SpanPatch,
      },
    ],
  };
}

/** Money among the counts: OpenRouter and Perplexity say what a call has cost. */
const MONEY = ["cost", "cost_details", "is_byok"];

/** Counts of tokens, and what the provider says that they cost. */
export function paidFor(usage: unknown): { usage?: Usage; cost?: NonNullable<SpanPatch["cost"]> } {
  if (typeof usage !== "object" || usage === null) return {};
  const counts = Object.fromEntries(Object.entries(usage).filter(([name]) => !MONEY.includes(name)));
  return known({ usage: normalizeUsage(counts), cost: statedCost(field(usage, "cost")) });
}

function statedCost(cost: unknown): SpanPatch["cost"] {
  if (typeof cost === "number") return isMoney(cost) ? cost : undefined;
  const [total, input, output] = ["total_cost", "input_tokens_cost", "output_tokens_cost"].map((name) => {
    const part: unknown = field(cost, name);
    return isMoney(part) ? part : undefined;
  });
  return total === undefined ? undefined : known({ total, input, output });
}

function isMoney(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** Some servers answer 200 with an error inside. */
export function errorOf(object: unknown): Failure | undefined {
  const error = field(object, "error");
  if (error === undefined) return undefined;
  const code: unknown = field(error, "code") ?? field(error, "type");
  const isCode = typeof code === "number" || text(code) !== undefined;
  return { code: isCode ? String(code) : "error", message: text(field(error, "message")) ?? text(error) };
}

function isEmpty(value: unknown): boolean {
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}
