import type { Signal } from "@preact/signals";

interface DividerProps {
  /** Pixels. */
  width: Signal<number>;
  /** Kept under this name in the browser. */
  storageKey: string;
  label: string;
  least: number;
  most: () => number;
  /** What a double click goes back to. */
  usual: number;
  /** The width is that of what is to the right of it. */
  isRight?: boolean;
  class?: string;
}

/** The border between two parts; it is dragged, or moved with the arrows. */
export function Divider({ width, storageKey, label, least, most, usual, isRight, class: name = "" }: DividerProps) {
  const direction = isRight ? -1 : 1;
  const set = (wanted: number) => {
    width.value = Math.min(most(), Math.max(least, wanted));
    localStorage.setItem(storageKey, String(width.peek()));
  };
  const onPointerDown = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    const [x, before] = [event.clientX, width.peek()];
    bar.setPointerCapture(event.pointerId);
    const move = ({ clientX }: PointerEvent) => set(before + direction * (clientX - x));
    const up = () => {
      bar.removeEventListener("pointermove", move);
      bar.removeEventListener("pointerup", up);
    };
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", up);
  };
  return (
    <div
      class={`divider ${name}`}
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width.value}
      aria-valuemin={least}
      aria-valuemax={most()}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onDblClick={() => set(usual)}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? -16 : event.key === "ArrowRight" ? 16 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        set(width.peek() + direction * by);
      }}
    />
  );
}

/** A width that was kept, in pixels. */
export function keptWidth(storageKey: string, usual: number): number {
  const width = Number(globalThis.localStorage?.getItem(storageKey));
  return width > 0 ? width : usual;
}
