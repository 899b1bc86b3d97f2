import { useState } from "preact/hooks";
import type { Json } from "../../../core/json.ts";

/** Entries that are shown at once; further ones on demand. */
const BATCH = 100;
/** Characters of a string before it is cut. */
const STRING = 400;

/** JSON of any size: only what is unfolded is in the document. */
export function JsonTree({ value, open = 2 }: { value: Json; open?: number }) {
  return (
    <div class="json">
      <Node value={value} open={open} />
    </div>
  );
}

function Node({ name, value, open }: { name?: string; value: Json; open: number }) {
  if (typeof value !== "object" || value === null) {
    return (
      <div class="json-line">
        <Name name={name} />
        <Scalar value={value} />
      </div>
    );
  }
  return <Branch name={name} value={value} open={open} />;
}

function Branch({ name, value, open }: { name: string | undefined; value: Json & object; open: number }) {
  const isList = Array.isArray(value);
  const keys = isList ? undefined : Object.keys(value);
  const count = isList ? value.length : keys!.length;
  const [isOpen, setOpen] = useState(open > 0 && (open > 1 || count <= 20));
  const [limit, setLimit] = useState(BATCH);
  const entry = (i: number) => {
    const key = keys ? keys[i]! : String(i);
    const inner = isList ? value[i]! : (value as { readonly [key: string]: Json })[key]!;
    return <Node key={key} name={key} value={inner} open={open - 1} />;
  };
  const [begin, end] = isList ? "[]" : "{}";
  if (count === 0) {
    return (
      <div class="json-line">
        <Name name={name} />
        <span class="json-mark">
          {begin}
          {end}
        </span>
      </div>
    );
  }
  return (
    <div>
      <button type="button" class="json-line json-fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class={isOpen ? "twisty open" : "twisty folded"} />
        <Name name={name} />
        <span class="json-mark">{isOpen ? begin : `${begin} ${peek(value)} ${end}`}</span>
        <span class="json-count">{count}</span>
      </button>
      {isOpen && (
        <div class="json-inside">
          {Array.from({ length: Math.min(limit, count) }, (_, i) => entry(i))}
          {count > limit && (
            <button type="button" class="json-more" onClick={() => setLimit(limit + 10 * BATCH)}>
              {`Show ${Math.min(10 * BATCH, count - limit)} more of ${count - limit}`}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : (
    <>
      <span class="json-name">{name}</span>
      <span class="json-mark">: </span>
    </>
  );
}

function Scalar({ value }: { value: string | number | boolean | null }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== "string")
    return <span class={value === null ? "json-null" : "json-number"}>{String(value)}</span>;
  const isCut = value.length > STRING && !isWhole;
  return (
    <span class="json-string">
      {`"${isCut ? value.slice(0, STRING) : value}"`}
      {isCut && (
        <button type="button" class="json-more" onClick={() => setWhole(true)}>
          {`… ${value.length - STRING} more characters`}
        </button>
      )}
    </span>
  );
}

/** What is in a folded value, briefly. */
function peek(value: Json & object): string {
  const text = Array.isArray(value)
    ? value
        .slice(0, 4)
        .map((inner) => short(inner as Json))
        .join(", ")
    : Object.keys(value).slice(0, 5).join(", ");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function short(value: Json): string {
  if (Array.isArray(value)) return "[…]";
  if (typeof value === "object" && value !== null) return "{…}";
  const text = JSON.stringify(value);
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}
