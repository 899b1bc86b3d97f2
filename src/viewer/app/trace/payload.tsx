import { type Signal, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Json } from "../../../core/json.ts";
import { download, spanPath } from "../api.ts";
import { bytes } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { messagesOf } from "./chat.ts";
import { Chat, LongText } from "./chat.tsx";
import { JsonTree } from "./json-tree.tsx";

type Look = "chat" | "json" | "text";

const KEY = "sightline.payload";
/** How payloads are looked at; where one cannot be, the next best. */
const preferred: Signal<Look> = signal((globalThis.localStorage?.getItem(KEY) as Look | null) ?? "chat");
const isMarkdown: Signal<boolean> = signal(false);

interface Props {
  side: "input" | "output";
  value: Json | undefined;
  traceId: string;
  spanId: string;
  /** Characters of the whole, where `value` is only its head. */
  cut: number | undefined;
  /** Fetches the whole. */
  onWhole: () => void;
}

/** What went in or came out: as a conversation, as a tree or as text. */
export function Payload({ side, value, traceId, spanId, cut, onWhole }: Props) {
  const messages = useMemo(() => messagesOf(value), [value]);
  if (value === undefined) return null;
  const isText = typeof value === "string";
  const looks: Look[] = [...(messages ? (["chat"] as const) : []), ...(isText ? [] : (["json"] as const)), "text"];
  const look = looks.includes(preferred.value) ? preferred.value : looks[0]!;
  const choose = (next: Look) => {
    preferred.value = next;
    localStorage.setItem(KEY, next);
  };
  const raw = () => (isText ? value : JSON.stringify(value, null, 2));
  return (
    <section class="payload">
      <header class="payload-head">
        <h3>{side === "input" ? "Input" : "Output"}</h3>
        <span class="grow" />
        {(isText || look === "chat") && (
          <button
            type="button"
            class="look"
            aria-pressed={isMarkdown.value}
            onClick={() => (isMarkdown.value = !isMarkdown.value)}
          >
            Markdown
          </button>
        )}
        {looks.length > 1 && (
          <div class="looks" role="group" aria-label={`How the ${side} is shown`}>
            {looks.map((one) => (
              <button type="button" key={one} class="look" aria-pressed={one === look} onClick={() => choose(one)}>
                {LABELS[one]}
              </button>
            ))}
          </div>
        )}
        <CopyButton text={raw} label={`Copy ${side}`} />
        <Button
          icon="download"
          look="quiet"
          label={`Download ${side}`}
          onClick={() => void download(`${spanPath(traceId, spanId)}/${side}`, `${spanId}-${side}.json`)}
        />
      </header>
      {cut !== undefined && (
        <div class="notice">
          <span class="grow">{`This is the beginning of ${bytes(cut)}.`}</span>
          <Button onClick={onWhole}>{`Show all ${bytes(cut)}`}</Button>
        </div>
      )}
      <div class="payload-body">
        {look === "chat" && <Chat messages={messages!} isMarkdown={isMarkdown.value} />}
        {look === "json" && <JsonTree value={value} />}
        {look === "text" && (
          <LongText
            text={raw()}
            isMarkdown={isText && cut === undefined && isMarkdown.value}
            isMono={!isText || cut !== undefined}
          />
        )}
      </div>
    </section>
  );
}

const LABELS: Record<Look, string> = { chat: "Chat", json: "JSON", text: "Text" };
