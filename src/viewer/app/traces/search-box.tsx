import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/index.ts";
import type { Filters } from "./filters.ts";
import { typedFilters } from "./parse-word.ts";

interface Props {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

/** Full text, and filters as they are typed: `user:ada duration>2s refund`. The key `/` goes there. */
export function SearchBox({ filters, onChange }: Props) {
  const text = filters.text ?? "";
  const typed = useSignal(text);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    typed.value = text;
  }, [text]);
  const submit = (event: Event) => {
    event.preventDefault();
    const next = typedFilters(typed.value, filters);
    typed.value = next.text ?? "";
    onChange(next);
  };
  const left = (event: Event) => {
    // A field that is taken away with its page loses the focus too: it must not bring the page back.
    const isThere = input.current !== null;
    if (isThere && typed.value !== text) submit(event);
  };
  return (
    <form class="search-field search-box" role="search" onSubmit={submit}>
      <Icon name="search" />
      <input
        class="field"
        ref={input}
        id="trace-search"
        type="search"
        aria-label="Search traces: words of names, inputs, outputs and errors, or filters such as user:ada"
        placeholder="Search text, or user:ada status:error duration>2s"
        enterkeyhint="search"
        autocomplete="off"
        spellcheck={false}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onBlur={left}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          typed.value = text;
          input.current?.blur();
        }}
      />
      {text === "" && typed.value === "" && <span class="kbd search-key">/</span>}
    </form>
  );
}
