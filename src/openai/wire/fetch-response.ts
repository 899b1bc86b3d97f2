import type { Describer } from "../describe.ts";
import { known } from "../fields.ts";
import { planResponse } from "../response-plan.ts";

const NAME = "fetch_response";

/**
 * A stored response that is fetched. It was made, and paid for, by another call: the span says what it is, without tokens
 * and without the spans of its tools.
 */
export const fetchResponseDescriber: Describer = {
  request: (_request, provider) => ({
    name: NAME,
    type: "span",
    patch: { genAi: { provider, operation: NAME, openai: { apiType: "responses" } } },
  }),
  plan({ answer, provider, startMs, endMs }) {
    const plan = planResponse({ response: answer, provider, startMs, endMs });
    const [{ patch, ...span }] = plan.spans;
    const { conversationId, responseModel, responseId, responseStatus, openai } = patch.genAi ?? {};
    const genAi = known({ provider, conversationId, responseModel, responseId, responseStatus, openai });
    return {
      ...plan,
      // That it was fetched is no state of the response.
      id: "",
      previousId: undefined,
      spans: [
        {
          ...span,
          name: NAME,
          type: "span",
          failure: undefined,
          unfinished: false,
          patch: { ...known({ output: patch.output }), genAi: { ...genAi, operation: NAME } },
        },
      ],
    };
  },
};
