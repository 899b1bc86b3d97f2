import type { Json } from "../core/record.ts";

/** A message in the shape of OpenTelemetry's GenAI conventions (`gen_ai.input.messages`, `gen_ai.output.messages`). */
export interface ModelMessage {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly name?: string;
  /** Of an answer: `stop`, `length`, `content_filter`, `tool_call`, `error`, or the provider's own word. */
  readonly finish_reason?: string;
}

/** `text`, `reasoning`, `tool_call`, `tool_call_response`, `server_tool_call`, `server_tool_call_response`, `blob`, `file`, `uri`, `refusal`, … */
export interface Part {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Arguments are a string that should hold JSON; models do not always manage, and then the string is what there is. */
export function parsedJson(json: unknown): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json) as Json;
  } catch {
    return json;
  }
}

/** What stands for a payload that is not kept: its kind and its size in bytes. */
export function blobPart(modality: string, base64: unknown, mimeType?: string): Part {
  const text = typeof base64 === "string" ? base64 : "";
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = Math.floor((text.length * 3) / 4) - padding;
  return { type: "blob", modality, ...(mimeType !== undefined && { mime_type: mimeType }), bytes: Math.max(0, bytes) };
}

/** An address as it is; a `data:` address, which is the payload itself, as a blob. */
export function uriPart(modality: string, uri: string): Part {
  if (!uri.startsWith("data:")) return { type: "uri", modality, uri };
  const comma = uri.indexOf(",");
  const mimeType = uri.slice("data:".length, comma).split(";")[0];
  return blobPart(modality, uri.slice(comma + 1), mimeType || undefined);
}
