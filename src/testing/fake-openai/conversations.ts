import { notFound, page, type Routes, type Wire, type World } from "./http.ts";

/** Conversations and what was said in them. */
export function conversationRoutes(world: World, conversations: Map<string, Wire>): Routes {
  const items = new Map<string, Wire[]>();

  const find = (id: string | undefined): Wire => {
    const found = conversations.get(String(id));
    if (found === undefined) throw notFound("conversation", String(id));
    return found;
  };
  const stored = (item: Wire): Wire => ({ id: world.id("msg_"), type: "message", status: "completed", ...item });

  return {
    "POST /conversations": ({ body }) => {
      const id = world.id("conv_");
      const conversation = { id, object: "conversation", created_at: world.now(), metadata: body.metadata ?? {} };
      conversations.set(id, conversation);
      items.set(id, (body.items ?? []).map(stored));
      return { json: conversation };
    },
    "GET /conversations/:conversation_id": ({ params }) => ({ json: find(params.conversation_id) }),
    "POST /conversations/:conversation_id": ({ params, body }) => {
      const conversation = find(params.conversation_id);
      conversation.metadata = body.metadata ?? {};
      return { json: conversation };
    },
    "DELETE /conversations/:conversation_id": ({ params }) => {
      const { id } = find(params.conversation_id);
      conversations.delete(id);
      return { json: { id, object: "conversation.deleted", deleted: true } };
    },
    "POST /conversations/:conversation_id/items": ({ params, body }) => {
      const added = (body.items ?? []).map(stored);
      items.get(find(params.conversation_id).id)!.push(...added);
      return { json: page(added, new URLSearchParams("order=asc")) };
    },
    "GET /conversations/:conversation_id/items": ({ params, query }) => ({
      json: page(items.get(find(params.conversation_id).id)!, query),
    }),
  };
}
