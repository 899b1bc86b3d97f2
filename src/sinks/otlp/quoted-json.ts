import { quoted } from "../../core/quoted.ts";
import type { Json, JsonObject } from "../../core/record.ts";
import { remembered } from "./remembered.ts";

/** What `quoted(json(value))` gives for plain JSON, without the text in between: JSON as a text within JSON. */
export function quotedJson(value: Json): string {
  return `"${inner(value)}"`;
}

function inner(value: Json): string {
  switch (typeof value) {
    case "string":
      return innerText(value);
    case "number":
      return Number.isFinite(value) ? `${value}` : "null";
    case "boolean":
      return value ? "true" : "false";
  }
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? list(value) : members(value as JsonObject);
}

function innerText(text: string): string {
  const once = quoted(text);
  return once.length === text.length + 2 ? `\\"${text}\\"` : quoted(once).slice(1, -1);
}

function list(values: readonly Json[]): string {
  // Long lists of numbers: embeddings.
  if (typeof values[0] === "number") return quoted(JSON.stringify(values)).slice(1, -1);
  let text = "[";
  for (let i = 0; i < values.length; i++) text += i === 0 ? inner(values[i]!) : `,${inner(values[i]!)}`;
  return `${text}]`;
}

const firstName = remembered((name) => `{${innerText(name)}:`);
const nextName = remembered((name) => `,${innerText(name)}:`);

function members(object: JsonObject): string {
  let text = "";
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value === undefined) continue;
    text += (text === "" ? firstName(name) : nextName(name)) + inner(value);
  }
  return text === "" ? "{}" : `${text}}`;
}
