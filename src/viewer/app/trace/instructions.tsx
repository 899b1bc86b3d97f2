import type { Json, SpanRecord } from "../../../core/record.ts";
import { JsonTree } from "./json-tree.tsx";

/** What the model was told apart from the conversation. */
export function Instructions({ record }: { record: SpanRecord }) {
  const { systemInstructions, toolDefinitions } = record.genAi ?? {};
  if (systemInstructions === undefined && toolDefinitions === undefined) return null;
  const count = Array.isArray(toolDefinitions) ? toolDefinitions.length : undefined;
  return (
    <div class="system">
      {systemInstructions !== undefined && (
        <details>
          <summary>Instructions</summary>
          <JsonOrText value={systemInstructions} />
        </details>
      )}
      {toolDefinitions !== undefined && (
        <details>
          <summary>{count === undefined ? "Tools" : `Tools (${count})`}</summary>
          <JsonTree value={toolDefinitions} open={1} />
        </details>
      )}
    </div>
  );
}

function JsonOrText({ value }: { value: Json }) {
  const texts = Array.isArray(value) ? value.map((part) => (part as { content?: Json } | null)?.content) : [value];
  return texts.every((text) => typeof text === "string") ? (
    <p class="text">{texts.join("\n")}</p>
  ) : (
    <JsonTree value={value} />
  );
}
