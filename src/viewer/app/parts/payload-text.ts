import type { Json } from "../../../core/json.ts";

/**
 * A payload as lines that can be compared: as JSON, but text of several lines stands on lines of its own, so that one
 * changed sentence of a prompt is one changed line.
 */
export function payloadText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  const lines: string[] = [];
  write(value, "", "", "", lines);
  return lines.join("\n");
}

const MAX_DEPTH = 100;

function write(value: Json, prefix: string, indent: string, suffix: string, lines: string[]): void {
  const isList = Array.isArray(value);
  if (typeof value === "string" && value.includes("\n")) {
    lines.push(`${indent}${prefix}"""`);
    for (const line of value.split("\n")) lines.push(`${indent}  ${line}`);
    lines.push(`${indent}"""${suffix}`);
  } else if (value === null || typeof value !== "object" || indent.length / 2 >= MAX_DEPTH) {
    lines.push(`${indent}${prefix}${JSON.stringify(value)}${suffix}`);
  } else {
    const entries = isList ? value.map((each) => ["", each] as const) : Object.entries(value);
    const [open, close] = isList ? ["[", "]"] : ["{", "}"];
    if (entries.length === 0) {
      lines.push(`${indent}${prefix}${open}${close}${suffix}`);
      return;
    }
    lines.push(`${indent}${prefix}${open}`);
    entries.forEach(([key, each], index) => {
      const name = isList ? "" : `${JSON.stringify(key)}: `;
      write(each, name, `${indent}  `, index < entries.length - 1 ? "," : "", lines);
    });
    lines.push(`${indent}${close}${suffix}`);
  }
}
