import type { Json } from "../../core/json.ts";

/** `llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments` has ten. */
const MAX_PARTS = 16;

type Node = Map<string, Node | { readonly value: Json }>;

/**
 * Names with indices in them as one value: `0.role`, `0.content`, `1.role` as a list of two objects. Indices count by
 * their order alone, so that a large one costs nothing.
 *
 * @param entries by what is behind the shared beginning of their names
 */
export function unflatten(entries: Iterable<readonly [path: string, value: Json]>): Json {
  const root: Node = new Map();
  for (const [path, value] of entries) {
    const parts = path.split(".");
    const last = parts.splice(Math.min(parts.length, MAX_PARTS) - 1).join(".");
    let node = root;
    for (const part of parts) {
      const known = node.get(part);
      const next: Node = known instanceof Map ? known : new Map();
      // A value that has something below it as well becomes an entry without a name.
      if (known !== undefined && !(known instanceof Map)) next.set("", known);
      node.set(part, next);
      node = next;
    }
    const known = node.get(last);
    if (known instanceof Map) known.set("", { value });
    else node.set(last, { value });
  }
  return asJson(root);
}

function asJson(node: Node): Json {
  const entries = [...node].map(([key, each]) => [key, each instanceof Map ? asJson(each) : each.value] as const);
  if (!entries.every(([key]) => /^\d{1,15}$/.test(key))) return Object.fromEntries(entries);
  return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
}
