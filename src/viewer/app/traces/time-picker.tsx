import { useSignal } from "@preact/signals";
import { Popover } from "./popover.tsx";
import { STRETCHES, type TimeRange } from "./time-range.ts";
import { rangeText, stretchText } from "./time-text.ts";

/** Which stretch of time: one that ends now, any other, or all. */
export function TimePicker({ range, onChange }: { range: TimeRange; onChange: (range: TimeRange) => void }) {
  const open = useSignal(false);
  const choose = (next: TimeRange) => {
    open.value = false;
    onChange(next);
  };
  return (
    <Popover open={open} label="Time range" icon="clock" button={rangeText(range)} class="time-picker">
      <div class="time-panel">
        <div class="time-stretches" role="group" aria-label="Up to now">
          <button
            type="button"
            class="option"
            aria-pressed={range.last === undefined && range.fromUs === undefined && range.toUs === undefined}
            onClick={() => choose({})}
          >
            All time
          </button>
          {STRETCHES.map((last) => (
            <button
              type="button"
              key={last}
              class="option"
              aria-pressed={range.last === last}
              onClick={() => choose({ last })}
            >
              {stretchText(last)}
            </button>
          ))}
        </div>
        <Custom range={range} onChoose={choose} />
      </div>
    </Popover>
  );
}

function Custom({ range, onChoose }: { range: TimeRange; onChoose: (range: TimeRange) => void }) {
  const from = useSignal(localText(range.fromUs));
  const to = useSignal(localText(range.toUs));
  const [fromUs, toUs] = [microseconds(from.value), microseconds(to.value)];
  const isWrong = fromUs !== undefined && toUs !== undefined && fromUs >= toUs;
  const apply = (event: Event) => {
    event.preventDefault();
    if (isWrong) return;
    onChoose({ ...(fromUs !== undefined && { fromUs }), ...(toUs !== undefined && { toUs }) });
  };
  return (
    <form class="time-custom" onSubmit={apply}>
      <label>
        From
        <input
          class="field"
          type="datetime-local"
          step={1}
          value={from.value}
          onInput={(event) => {
            from.value = event.currentTarget.value;
          }}
        />
      </label>
      <label>
        To
        <input
          class="field"
          type="datetime-local"
          step={1}
          value={to.value}
          onInput={(event) => {
            to.value = event.currentTarget.value;
          }}
        />
      </label>
      {isWrong && <p class="form-problem">The end comes before the beginning.</p>}
      <button type="submit" class="button primary" disabled={isWrong || (fromUs === undefined && toUs === undefined)}>
        Apply
      </button>
      <span class="faint">Times are in your time zone.</span>
    </form>
  );
}

function microseconds(text: string): number | undefined {
  const ms = text === "" ? Number.NaN : new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : ms * 1_000;
}

/** As `datetime-local` wants it. */
function localText(us: number | undefined): string {
  if (us === undefined) return "";
  const date = new Date(us / 1_000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
