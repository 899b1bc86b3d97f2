import { type Signal, useSignal } from "@preact/signals";
import { Icon } from "../parts/index.ts";
import { type Filters, fieldLabel, type LimitField, STATUSES, VALUE_FIELDS, type ValueField } from "./filters.ts";
import { readMs } from "./parse-word.ts";
import { Popover } from "./popover.tsx";
import { ValuePicker } from "./value-picker.tsx";

type Kind = ValueField | "status" | "duration" | "cost" | "metadata";

const KINDS: readonly Kind[] = [
  "status",
  "userId",
  "sessionId",
  "feature",
  "team",
  "model",
  "name",
  "tag",
  "finding",
  "environment",
  "release",
  "duration",
  "cost",
  "metadata",
];

interface Props {
  open: Signal<boolean>;
  filters: Filters;
  onChange: (filters: Filters) => void;
}

/** Adds a filter: first which, then what. */
export function FilterMenu({ open, filters, onChange }: Props) {
  const kind = useSignal<Kind | undefined>(undefined);
  if (!open.value && kind.peek() !== undefined) kind.value = undefined;
  const set = (next: Filters) => {
    open.value = false;
    onChange(next);
  };
  return (
    <Popover open={open} label="Add a filter" icon="filter" button="Filter">
      {kind.value === undefined ? (
        <div class="options two" role="group" aria-label="Filter by" onKeyDown={walk}>
          {KINDS.map((each) => (
            <button
              type="button"
              key={each}
              class="option"
              onClick={() => {
                kind.value = each;
              }}
            >
              {kindLabel(each)}
            </button>
          ))}
        </div>
      ) : (
        <div class="filter-step" ref={focusFirst}>
          <button
            type="button"
            class="option filter-back"
            onClick={() => {
              kind.value = undefined;
            }}
          >
            <span class="flip">
              <Icon name="chevron" />
            </span>
            {kindLabel(kind.value)}
          </button>
          <Step kind={kind.value} filters={filters} onSet={set} />
        </div>
      )}
    </Popover>
  );
}

function Step({ kind, filters, onSet }: { kind: Kind; filters: Filters; onSet: (filters: Filters) => void }) {
  if (kind === "status") {
    return (
      <div class="options" role="group" aria-label="Status" onKeyDown={walk}>
        {STATUSES.map((status) => (
          <button
            type="button"
            key={status}
            class="option"
            data-first
            aria-pressed={filters.status === status}
            onClick={() => onSet({ ...filters, status })}
          >
            <span class={`dot ${status}`} />
            {status === "open" ? "running" : status}
          </button>
        ))}
      </div>
    );
  }
  if (kind === "metadata") return <Metadata filters={filters} onSet={onSet} />;
  if (kind === "duration" || kind === "cost") return <Bounds kind={kind} filters={filters} onSet={onSet} />;
  return (
    <ValuePicker
      field={kind}
      label={fieldLabel(kind)}
      onChoose={(value) => onSet({ ...filters, values: { ...filters.values, [kind]: value } })}
    />
  );
}

function Metadata({ filters, onSet }: { filters: Filters; onSet: (filters: Filters) => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const key = String(data.get("key")).trim();
    if (key === "") return;
    const metadata = Object.fromEntries([...Object.entries(filters.metadata), [key, String(data.get("value"))]]);
    onSet({ ...filters, metadata });
  };
  return (
    <form class="filter-form" onSubmit={submit}>
      <label>
        Key
        <input class="field" name="key" data-first required placeholder="plan" autocomplete="off" />
      </label>
      <label>
        Value
        <input class="field" name="value" placeholder="pro" autocomplete="off" />
      </label>
      <button type="submit" class="button primary">
        Add
      </button>
    </form>
  );
}

const BOUNDS: { readonly [kind in "duration" | "cost"]: readonly [LimitField, LimitField] } = {
  duration: ["minDurationMs", "maxDurationMs"],
  cost: ["minCostUsd", "maxCostUsd"],
};

interface BoundsProps {
  kind: "duration" | "cost";
  filters: Filters;
  onSet: (filters: Filters) => void;
}

function Bounds({ kind, filters, onSet }: BoundsProps) {
  const problem = useSignal("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const limits: { [field in LimitField]?: number } = { ...filters.limits };
    for (const field of BOUNDS[kind]) {
      const text = String(data.get(field)).trim();
      delete limits[field];
      if (text === "") continue;
      const value = kind === "duration" ? readMs(text) : Number(text.replace(/^\$/, ""));
      if (value === undefined || !(value >= 0)) {
        problem.value = kind === "duration" ? `“${text}” is no time: 250ms, 1.5s, 2m` : `“${text}” is no amount`;
        return;
      }
      limits[field] = value;
    }
    onSet({ ...filters, limits });
  };
  const [min, max] = BOUNDS[kind];
  const shown = (field: LimitField) => filters.limits[field] ?? "";
  return (
    <form class="filter-form" onSubmit={submit}>
      <label>
        At least
        <input
          class="field"
          name={min}
          data-first
          placeholder={kind === "duration" ? "1.5s" : "0.01"}
          defaultValue={String(shown(min))}
        />
      </label>
      <label>
        At most
        <input
          class="field"
          name={max}
          placeholder={kind === "duration" ? "2m" : "1.00"}
          defaultValue={String(shown(max))}
        />
      </label>
      {problem.value && (
        <p class="form-problem" role="alert">
          {problem.value}
        </p>
      )}
      <button type="submit" class="button primary">
        Apply
      </button>
    </form>
  );
}

/** What comes in place of a button that was pressed has the focus that it had. */
function focusFirst(step: HTMLElement | null): void {
  step?.querySelector<HTMLElement>("[data-first]")?.focus();
}

function kindLabel(kind: Kind): string {
  const label = (VALUE_FIELDS as readonly string[]).includes(kind) ? fieldLabel(kind as ValueField) : kind;
  return (label[0] as string).toUpperCase() + label.slice(1);
}

/** The arrow keys go from button to button. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  all[(at + step + all.length) % all.length]?.focus();
}
