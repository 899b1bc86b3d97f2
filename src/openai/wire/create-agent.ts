import type { Describer, RequestedSpan } from "../describe.ts";
import { field, known, text } from "../fields.ts";
import { answeredPlan } from "../model-call.ts";

/** `POST /assistants`: no model runs, an agent is defined. */
export const createAgentDescriber: Describer = {
  request: (request, provider) => createAgent(request, provider, undefined),
  plan(call) {
    const requested = createAgent(call.request, call.provider, call.answer);
    return answeredPlan(call, { requested, patch: {} });
  },
};

function createAgent(request: unknown, provider: string, answer: unknown): RequestedSpan {
  const name = text(field(request, "name"));
  const id = text(field(answer, "id"));
  const instructions = text(field(request, "instructions"));
  const genAi = {
    operation: "create_agent",
    provider,
    requestModel: text(field(request, "model")),
    systemInstructions: instructions === undefined ? undefined : [{ type: "text", content: instructions }],
    agent: known({ id, name, description: text(field(request, "description")) }),
    openai: known({ apiType: "assistants" as const, assistantId: id }),
  };
  return { name: `create_agent ${name ?? ""}`.trimEnd(), type: "span", patch: { genAi: known(genAi) } };
}
