import { rateLimit } from "./chat.ts";
import { ApiError, badRequest, page, type Routes, type SentEvent, type Wire, type World } from "./http.ts";
import { newResponse, type ResponseEnding, unfinished } from "./response.ts";
import { responseEvents } from "./response-events.ts";

interface StoredResponse {
  /** As it is now. */
  response: Wire;
  /** What it becomes with each retrieval. */
  readonly next: Wire[];
  /** What was said up to here, this response's input included. */
  readonly items: readonly Wire[];
  /** What this response was asked. */
  readonly input: readonly Wire[];
  readonly events: readonly SentEvent[];
}

/** Responses, at once, streamed and in the background. Each retrieval of one in the background moves it one step on. */
export function responseRoutes(world: World, ending: ResponseEnding, conversations: Map<string, Wire>): Routes {
  const responses = new Map<string, StoredResponse>();
  /** The last response of each conversation. */
  const latest = new Map<string, StoredResponse>();

  const find = (id: string | undefined): StoredResponse => {
    const found = responses.get(String(id));
    if (found === undefined) throw new ApiError(404, `Response with id '${id}' not found.`);
    return found;
  };

  const before = (body: Wire): StoredResponse | undefined => {
    const { previous_response_id: previous, conversation } = body;
    if (conversation) {
      const id = conversation.id ?? conversation;
      if (!conversations.has(id)) throw new ApiError(404, `Conversation with id '${id}' not found.`);
      return latest.get(id);
    }
    if (!previous) return undefined;
    const found = responses.get(previous);
    const fields = { param: "previous_response_id", code: "previous_response_not_found" };
    if (found === undefined) throw new ApiError(400, `Previous response with id '${previous}' not found.`, fields);
    return found;
  };

  const create = (body: Wire): StoredResponse => {
    const earlier = before(body);
    const history = earlier ? [...earlier.items, ...earlier.response.output] : [];
    const input = itemsOf(world, body.input);
    const response = newResponse(world, body, history, input, ending);
    const [queued, begun] = [unfinished(response, "queued"), unfinished(response, "in_progress")];
    const life =
      ending === "queued" ? [queued] : ending === "in_progress" ? [queued, begun] : [queued, begun, response];
    const isLater = body.background === true && body.stream !== true;
    const stored: StoredResponse = {
      response: isLater ? queued : response,
      next: isLater ? life.slice(1) : [],
      items: [...history, ...input],
      input,
      events: responseEvents(response),
    };
    if (response.store) responses.set(response.id, stored);
    if (response.conversation) latest.set(response.conversation.id, stored);
    return stored;
  };

  return {
    "POST /responses": ({ body }) => {
      if (body.input === undefined && body.prompt === undefined) {
        throw badRequest("Missing required parameter: 'input'.");
      }
      const { response, events } = create(body);
      if (body.stream === true) return { events, headers: rateLimit() };
      return { json: response, ...(body.background !== true && { headers: rateLimit() }) };
    },
    "GET /responses/:response_id": ({ params, query }) => {
      const stored = find(params.response_id);
      if (query.get("stream") === "true") {
        const after = Number(query.get("starting_after") ?? -1);
        return { events: stored.events.filter((_, i) => i > after) };
      }
      const next = stored.next.shift();
      if (next) stored.response = next.completed_at === null ? next : { ...next, completed_at: world.now() };
      return { json: stored.response };
    },
    "DELETE /responses/:response_id": ({ params }) => {
      const { id } = find(params.response_id).response;
      responses.delete(id);
      return { json: { id, object: "response", deleted: true } };
    },
    "POST /responses/:response_id/cancel": ({ params }) => {
      const stored = find(params.response_id);
      if (stored.response.background !== true) throw badRequest("Cannot cancel a synchronous response.");
      if (["queued", "in_progress"].includes(stored.response.status)) {
        stored.response = { ...stored.response, status: "cancelled" };
        stored.next.length = 0;
      }
      return { json: stored.response };
    },
    "GET /responses/:response_id/input_items": ({ params, query }) => ({
      json: page(find(params.response_id).input, query),
    }),
  };
}

function itemsOf(world: World, input: unknown): Wire[] {
  const items = Array.isArray(input) ? input : [{ role: "user", content: String(input ?? "") }];
  return items.map((item: Wire) => {
    if (item.type !== undefined && item.type !== "message") return { id: world.id("item_"), ...item };
    const content = typeof item.content === "string" ? [{ type: "input_text", text: item.content }] : item.content;
    return { id: world.id("msg_"), type: "message", status: "completed", ...item, content };
  });
}
