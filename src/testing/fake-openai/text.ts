import type { Wire } from "./http.ts";

/** Solves `3x + 11 = 14`; anything else gets a polite sentence. */
export function defaultAnswer(question: string): string {
  const equation = /(-?\d*)\s*x\s*([+-])\s*(\d+)\s*=\s*(-?\d+)/.exec(question);
  if (equation === null) return "I can help with that.";
  const [, factor, sign, addend, sum] = equation as unknown as [string, string, string, string, string];
  const a = factor === "" ? 1 : factor === "-" ? -1 : Number(factor);
  const x = (Number(sum) - Number(sign + addend)) / a;
  const verb = sign === "+" ? `Subtract ${addend} from` : `Add ${addend} to`;
  return `${verb} both sides, then divide by ${a}: x = ${x}.`;
}

/** About four characters make a token. */
export function tokens(...values: unknown[]): number {
  let count = 0;
  for (const value of values) {
    if (value === undefined || value === null) continue;
    count += Math.ceil((typeof value === "string" ? value : JSON.stringify(value)).length / 4);
  }
  return count;
}

/** Models that think before they answer. */
export function reasoningTokens(model: string): number {
  return /^(?:o\d|gpt-5)/.test(model) ? 64 : 0;
}

/** The text in the pieces in which a model streams it. */
export function pieces(text: string): string[] {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
}

/** The first `limit` tokens, and whether that was all. */
export function truncate(text: string, limit: number | null | undefined): { text: string; cut: boolean } {
  if (typeof limit !== "number" || tokens(text) <= limit) return { text, cut: false };
  return { text: text.slice(0, limit * 4), cut: true };
}

/** A value that fits a JSON schema; `text` stands for every free string. */
export function sample(schema: Wire | null | undefined, text: string): unknown {
  if (schema === null || schema === undefined) return {};
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "string") return text;
  if (type === "number" || type === "integer") return 1;
  if (type === "boolean") return true;
  if (type === "array") return schema.items ? [sample(schema.items, text)] : [];
  const properties = Object.entries<Wire>(schema.properties ?? {});
  return Object.fromEntries(properties.map(([name, property]) => [name, sample(property, text)]));
}

/** The text of a message's content, whatever its form: a string, or parts with `text` or `text.value`. */
export function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: Wire) => (typeof part.text === "string" ? part.text : (part.text?.value ?? ""))).join("");
}

/** What the last user message of a list asks. */
export function lastQuestion(messages: readonly Wire[]): string {
  return plainText(messages.filter((message) => message.role === "user").at(-1)?.content);
}
