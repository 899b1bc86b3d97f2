import { useState } from "preact/hooks";
import { compact } from "../format.ts";
import { Badge } from "../parts/chip.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Icon } from "../parts/icon.tsx";
import type { ChatMessage, ChatPart } from "./chat.ts";
import { JsonTree } from "./json-tree.tsx";
import { LONGEST_MARKDOWN, Markdown } from "./markdown.tsx";

/** Characters of one text that are shown before it is asked for more. */
const LONG = 6_000;
/** Messages at the beginning and at the end of a long conversation; those between are asked for. */
const HEAD = 3;
const TAIL = 12;

/** Messages as a conversation. */
export function Chat({ messages, isMarkdown }: { messages: readonly ChatMessage[]; isMarkdown: boolean }) {
  const [isWhole, setWhole] = useState(messages.length <= HEAD + TAIL + 2);
  const hidden = messages.length - HEAD - TAIL;
  return (
    <div class="chat">
      {messages.map((message, i) => {
        if (!isWhole && i === HEAD) {
          return (
            <button type="button" key="more" class="chat-more" onClick={() => setWhole(true)}>
              {`${hidden} messages between`}
            </button>
          );
        }
        if (!isWhole && i > HEAD && i < messages.length - TAIL) return null;
        return <Message key={i} message={message} isMarkdown={isMarkdown} />;
      })}
    </div>
  );
}

function Message({ message, isMarkdown }: { message: ChatMessage; isMarkdown: boolean }) {
  const { role, name, finishReason, parts } = message;
  const text = () =>
    parts
      .map((part) => ("text" in part ? part.text : "value" in part ? JSON.stringify(part.value, null, 2) : part.detail))
      .join("\n");
  return (
    <article class={`message role-${ROLES.has(role) ? role : "other"}`}>
      <header>
        <span class="message-role ellipsis">{role}</span>
        {name && <span class="faint ellipsis">{name}</span>}
        {finishReason && !EXPECTED.has(finishReason) && <Badge tone="warning">{finishReason}</Badge>}
        <span class="grow" />
        <CopyButton text={text} label="Copy message" />
      </header>
      {parts.length === 0 && <p class="faint">(empty)</p>}
      {parts.map((part, i) => (
        <Part key={i} part={part} isMarkdown={isMarkdown} />
      ))}
    </article>
  );
}

/** Ends that need no word: the answer was whole, or is in the calls below. */
const EXPECTED = new Set(["stop", "end_turn", "tool_call", "tool_calls", "tool_use", "function_call"]);
const ROLES = new Set(["system", "developer", "user", "assistant", "tool"]);

function Part({ part, isMarkdown }: { part: ChatPart; isMarkdown: boolean }) {
  switch (part.kind) {
    case "text":
      return <LongText text={part.text} isMarkdown={isMarkdown} />;
    case "refusal":
      return (
        <div class="part refusal">
          <Badge tone="warning">refusal</Badge>
          <LongText text={part.text} isMarkdown={false} />
        </div>
      );
    case "reasoning":
      return (
        <details class="part reasoning">
          <summary>Reasoning</summary>
          <LongText text={part.text} isMarkdown={false} />
        </details>
      );
    case "call":
      return (
        <div class="part call type-tool">
          <div class="part-head">
            <span class="dot square" />
            <strong class="mono">{part.name}</strong>
            {part.callId && <span class="faint mono ellipsis">{part.callId}</span>}
          </div>
          {typeof part.value === "string" ? (
            <LongText text={part.value} isMarkdown={false} />
          ) : (
            <JsonTree value={part.value} open={3} />
          )}
        </div>
      );
    case "result":
      return (
        <div class="part result">
          <div class="part-head">
            <Icon name="arrow" size={12} />
            <span class="faint">result</span>
            {part.callId && <span class="faint mono ellipsis">{part.callId}</span>}
          </div>
          {typeof part.value === "string" ? (
            <LongText text={part.value} isMarkdown={isMarkdown} />
          ) : (
            <JsonTree value={part.value} open={3} />
          )}
        </div>
      );
    case "media":
      return (
        <div class="media">
          <Icon name="link" size={12} />
          <span class="ellipsis">{`${part.what}${part.detail ? `: ${part.detail}` : ""}`}</span>
        </div>
      );
    case "other":
      return (
        <div class="part">
          <span class="faint">{part.what}</span>
          <JsonTree value={part.value} open={2} />
        </div>
      );
  }
}

/** Text of any length, as it is or as markdown. */
export function LongText({
  text,
  isMarkdown,
  isMono = false,
}: {
  text: string;
  isMarkdown: boolean;
  isMono?: boolean;
}) {
  const [isWhole, setWhole] = useState(false);
  const isCut = text.length > LONG && !isWhole;
  const shown = isCut ? text.slice(0, LONG) : text;
  const asMarkdown = isMarkdown && text.length <= LONGEST_MARKDOWN;
  return (
    <>
      {asMarkdown ? <Markdown text={shown} /> : <p class={isMono ? "text mono" : "text"}>{shown}</p>}
      {isCut && (
        <button type="button" class="json-more" onClick={() => setWhole(true)}>
          {`Show ${compact(text.length - LONG)} more characters`}
        </button>
      )}
    </>
  );
}
