/** Leaves and characters that are read of a value of unknown shape: texts are cut anyhow. */
const MAX_LEAVES = 1_000;
const MAX_CHARACTERS = 200_000;
const MAX_DEPTH = 8;

/** Keys under which answers and questions stand in objects that are no messages, the likeliest first. */
const TEXT_KEYS = [
  "output_text",
  "text",
  "content",
  "message",
  "answer",
  "response",
  "output",
  "question",
  "prompt",
  "query",
];

export function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * The messages in what was recorded: of our own records, of chat APIs, one or a list, a whole completion (`choices`), a
 * whole response (`output`). `undefined` for anything else.
 */
export function messagesIn(value: unknown): readonly unknown[] | undefined {
  const choices = field(value, "choices");
  if (Array.isArray(choices)) return choices.map((choice) => field(choice, "message") ?? choice);
  const items = field(value, "output") ?? field(value, "messages");
  if (Array.isArray(items) && items.some(isMessage)) return items.filter(isMessage);
  if (isMessage(value)) return [value];
  if (!Array.isArray(value)) return undefined;
  // An empty list is an answer without a message.
  return value.every(isMessage) ? value : undefined;
}

function isMessage(value: unknown): boolean {
  return typeof field(value, "role") === "string";
}

/** What a message says to people: its texts and its refusal; not its reasoning, its calls, and what is no text. */
export function contentText(message: unknown): string {
  const content = field(message, "parts") ?? field(message, "content");
  if (typeof content === "string") return content;
  const parts = array(content).map((part) => {
    if (typeof part === "string") return part;
    const type = text(field(part, "type")) ?? "text";
    if (!/^(?:text|input_text|output_text|refusal)$/.test(type)) return "";
    const said = field(part, "content") ?? field(part, "text") ?? field(part, "refusal");
    return text(said) ?? text(field(said, "value")) ?? "";
  });
  return parts.filter(Boolean).join("\n") || (text(field(message, "refusal")) ?? "");
}

/** The text in a value of any shape: itself, that of its messages, of the key that names it, or its JSON. Never throws for JSON. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  const messages = messagesIn(value);
  if (messages !== undefined) return messages.map(contentText).filter(Boolean).join("\n");
  if (Array.isArray(value)) return leaves(value);
  const keys = Object.keys(value);
  for (const key of TEXT_KEYS) {
    const said = field(value, key);
    // Beside others, a text is one field of an object that is the answer as a whole.
    if (typeof said === "string" && (keys.length === 1 || key === "output_text" || isPart(value))) return said;
  }
  return JSON.stringify(value).slice(0, MAX_CHARACTERS);
}

/** `{ type: "text", text }`, and the texts of the AI SDKs with their finish reason beside them. */
function isPart(value: unknown): boolean {
  return ["type", "finishReason", "finish_reason", "usage"].some((key) => field(value, key) !== undefined);
}

/** The strings and numbers in it, in order. */
function leaves(value: unknown): string {
  const found: string[] = [];
  let characters = 0;
  const visit = (each: unknown, depth: number): void => {
    if (found.length >= MAX_LEAVES || characters >= MAX_CHARACTERS || depth > MAX_DEPTH) return;
    if (typeof each === "string" || typeof each === "number") {
      characters += String(each).length;
      found.push(String(each));
    } else if (typeof each === "object" && each !== null) {
      const said = isPart(each) ? (text(field(each, "text")) ?? text(field(each, "content"))) : undefined;
      if (said !== undefined) visit(said, depth + 1);
      else for (const inner of Object.values(each)) visit(inner, depth + 1);
    }
  };
  visit(value, 0);
  return found.join("\n");
}
