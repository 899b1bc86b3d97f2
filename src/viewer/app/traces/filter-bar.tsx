import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon } from "../parts/index.ts";
import { FilterMenu } from "./filter-menu.tsx";
import { type Filters, NO_FILTERS, setFilters } from "./filters.ts";
import { SearchBox } from "./search-box.tsx";
import { TimePicker } from "./time-picker.tsx";

interface Props {
  filters: Filters;
  onChange: (filters: Filters) => void;
  /** Whether the menu of filters is open: a key opens it too. */
  open: Signal<boolean>;
  /** At the end of the bar. */
  children?: ComponentChildren;
}

/** Everything that narrows the list: text, time, and one chip for each filter that is set. */
export function FilterBar({ filters, onChange, open, children }: Props) {
  const chips = setFilters(filters);
  const isAny = chips.length > 0 || filters.text !== undefined;
  return (
    <div class="filter-bar">
      <div class="filter-line">
        <SearchBox filters={filters} onChange={onChange} />
        <TimePicker range={filters.range} onChange={(range) => onChange({ ...filters, range })} />
        <FilterMenu open={open} filters={filters} onChange={onChange} />
        {children}
      </div>
      {isAny && (
        <div class="filter-line chips" role="group" aria-label="Filters that are set">
          {filters.text !== undefined && (
            <FilterChip label="text" value={filters.text} onRemove={() => onChange(withoutText(filters))} />
          )}
          {chips.map(({ key, label, value, without }) => (
            <FilterChip key={key} label={label} value={value} onRemove={() => onChange(without)} />
          ))}
          <button type="button" class="button quiet" onClick={() => onChange({ ...NO_FILTERS, range: filters.range })}>
            Clear all
          </button>
        </div>
      )}
    </div>
  );
}

/** A filter that is set, and the way to take it away. */
export function FilterChip({ label, value, onRemove }: { label: string; value: string; onRemove: () => void }) {
  return (
    <span class="chip filter-chip">
      <span class="chip-label">{label}</span>
      <span class="chip-value">{value}</span>
      <button type="button" class="chip-remove" aria-label={`Remove the filter ${label} ${value}`} onClick={onRemove}>
        <Icon name="close" size={12} />
      </button>
    </span>
  );
}

function withoutText({ text: _, ...others }: Filters): Filters {
  return others;
}
