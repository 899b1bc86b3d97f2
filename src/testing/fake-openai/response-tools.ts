import type { Wire, World } from "./http.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** An item for each of the API's own tools of a request. Results and outputs only when the request includes them. */
export function serverToolItems(world: World, body: Wire, question: string): Wire[] {
  const includes = (name: string) => body.include?.includes(name) === true;
  return (body.tools ?? []).flatMap((tool: Wire): Wire[] => {
    const done = { type: `${tool.type}_call`, status: "completed" };
    switch (tool.type) {
      case "web_search":
      case "web_search_preview": {
        const sources = includes("web_search_call.action.sources") ? [{ type: "url", url: SOURCE.url }] : undefined;
        const action = { type: "search", query: question, queries: [question], ...(sources && { sources }) };
        return [{ id: world.id("ws_"), type: "web_search_call", status: "completed", action }];
      }
      case "file_search": {
        const found = { file_id: "file-notes", filename: "notes.txt", score: 0.83, attributes: {}, text: question };
        const results = includes("file_search_call.results") ? [found] : null;
        return [{ id: world.id("fs_"), ...done, queries: [question], results }];
      }
      case "code_interpreter": {
        const outputs = includes("code_interpreter_call.outputs") ? [{ type: "logs", logs: "4\n" }] : null;
        const container_id = typeof tool.container === "string" ? tool.container : world.id("cntr_");
        return [{ id: world.id("ci_"), ...done, code: "print(2 + 2)", container_id, outputs }];
      }
      case "image_generation": {
        const looks = { background: "opaque", output_format: "png", quality: "medium", size: "1024x1024" };
        return [{ id: world.id("ig_"), ...done, ...looks, revised_prompt: question, result: PNG }];
      }
      case "mcp": {
        const { server_label } = tool;
        const tools = [{ name: "lookup", description: null, input_schema: {}, annotations: null }];
        const call = { name: "lookup", arguments: JSON.stringify({ question }), output: "found", error: null };
        return [
          { id: world.id("mcpl_"), type: "mcp_list_tools", server_label, tools },
          { id: world.id("mcp_"), ...done, server_label, ...call, approval_request_id: null },
        ];
      }
      default:
        return [];
    }
  });
}

const SOURCE = { url: "https://example.com/notes", title: "Notes" };

/** Where the text of an answer after these items says that it is from. */
export function citations(items: readonly Wire[]): Wire[] {
  return items.flatMap(({ type }): Wire[] => {
    if (type === "web_search_call") return [{ type: "url_citation", start_index: 0, end_index: 4, ...SOURCE }];
    if (type === "file_search_call") {
      return [{ type: "file_citation", index: 4, file_id: "file-notes", filename: "notes.txt" }];
    }
    return [];
  });
}
