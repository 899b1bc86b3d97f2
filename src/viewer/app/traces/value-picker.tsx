import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../api.ts";
import { compact } from "../format.ts";
import { Icon } from "../parts/index.ts";
import { useData } from "../use-data.ts";
import type { ValueField } from "./filters.ts";

interface Props {
  field: ValueField;
  label: string;
  onChoose: (value: string) => void;
}

const LIST = "value-picker-list";
const DELAY_MS = 120;

/** A value of a field: typed, or chosen among those that the store has. */
export function ValuePicker({ field, label, onChoose }: Props) {
  const typed = useSignal("");
  const prefix = useSignal("");
  const active = useSignal(-1);
  useEffect(() => {
    const timer = setTimeout(() => {
      prefix.value = typed.value;
      active.value = -1;
    }, DELAY_MS);
    return () => clearTimeout(timer);
  }, [typed.value]);
  const { state } = useData(`${field} ${prefix.value}`, (signal) =>
    api.values({ field, limit: 50, ...(prefix.value && { prefix: prefix.value }) }, { signal }),
  );
  const { value: found = [], isLoading, error } = state.value;
  const any = field === "finding" && prefix.value === "" ? [{ value: "*", traces: undefined }] : [];
  const options = [...any, ...found];

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && options.length > 0) {
      event.preventDefault();
      active.value = (active.value + step + options.length) % options.length;
      document.getElementById(`${LIST}-${active.value}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      const value = options[active.value]?.value ?? typed.value.trim();
      if (value !== "") onChoose(value);
    }
  };

  return (
    <div class="value-picker">
      <div class="search-field">
        <Icon name="search" />
        <input
          class="field"
          data-first
          role="combobox"
          aria-label={label}
          aria-expanded={true}
          aria-controls={LIST}
          aria-activedescendant={active.value >= 0 ? `${LIST}-${active.value}` : undefined}
          placeholder={`Find or type a ${label}`}
          value={typed.value}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div class="options" role="listbox" id={LIST} aria-label={`Values of ${label}`}>
        {options.map(({ value, traces }, index) => (
          <div
            key={value}
            id={`${LIST}-${index}`}
            class="option"
            role="option"
            aria-selected={index === active.value}
            onClick={() => onChoose(value)}
          >
            <span class="ellipsis grow">{value === "*" ? "any finding" : value}</span>
            {traces !== undefined && <span class="faint num">{compact(traces)}</span>}
          </div>
        ))}
      </div>
      {options.length === 0 && (
        <p class="faint options-none">
          {error
            ? error.message
            : isLoading
              ? "Looking…"
              : prefix.value === ""
                ? `No trace has a ${label}.`
                : "None begins like this. Enter takes what you have typed."}
        </p>
      )}
    </div>
  );
}
