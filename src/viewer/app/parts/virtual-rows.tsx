import type { ComponentChildren, JSX, RefObject, VNode } from "preact";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows above and below what is seen: what a turn of the wheel shows before the next frame. */
const OVERSCAN = 6;
/** The window moves so many rows at once, so that slow scrolling is left to the compositor in most frames. Below `OVERSCAN`. */
const STRIDE = 4;
/** Milliseconds after a jump at which the rows around those that are seen are drawn. */
const SETTLED = 100;

export interface RowsHandle {
  /** Scrolls as little as it takes to show the row; `center` for one that was jumped to. */
  scrollTo(index: number, where?: "nearest" | "center"): void;
  readonly element: HTMLElement;
}

interface Props {
  count: number;
  /** Pixels; the same for every row. */
  rowHeight: number;
  /** Draws one row. Elements are used again for other rows: what a row keeps for itself must depend on its index. */
  row: (index: number) => ComponentChildren;
  /** Of the element that scrolls: `role`, `aria-label`, `tabIndex`, `onKeyDown`, … */
  attributes?: JSX.HTMLAttributes<HTMLDivElement>;
  class?: string;
  /** Null again once the list has gone. */
  handle?: RefObject<RowsHandle>;
  /** Above the rows, within what scrolls; sticks to the top when its class says so. */
  header?: ComponentChildren;
  /** Pixels that a sticky header covers. */
  headerHeight?: number;
  /**
   * Elements stay where they are in the document, whatever rows they show: half the work of a scroll. For lists whose rows
   * hold nothing that takes the focus, and whose order is told otherwise (`aria-posinset`, `aria-activedescendant`). After a
   * jump they draw what is seen, and the rest once it stays in view.
   */
  isUnordered?: boolean;
  /** Called with the rows that are drawn whenever they change. `last` is exclusive. */
  onRange?: (first: number, last: number) => void;
}

/** A list of any length of which only what is seen is in the document. Fills the height that it is given. */
export function VirtualRows({
  count,
  rowHeight,
  row,
  attributes,
  class: more,
  handle,
  header,
  headerHeight = 0,
  onRange,
  isUnordered = false,
}: Props) {
  const element = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(0);
  const [{ firstSeen, isJump }, setSeen] = useState({ firstSeen: 0, isJump: false });
  const drawn = useRef<VNode[]>([]);
  const inView = Math.ceil(height / rowHeight) + 1;
  const room = useRef(inView);
  room.current = inView;

  useLayoutEffect(() => {
    const box = element.current!;
    let settling: ReturnType<typeof setTimeout>;
    const show = (mayJump: boolean) => {
      const seen = Math.floor(box.scrollTop / rowHeight);
      const stride = seen - (seen % STRIDE);
      setSeen((before) => {
        if (mayJump && Math.abs(seen - before.firstSeen) > room.current) return { firstSeen: seen, isJump: true };
        return stride === before.firstSeen && !before.isJump ? before : { firstSeen: stride, isJump: false };
      });
    };
    const scrolled = () => {
      show(isUnordered);
      clearTimeout(settling);
      settling = setTimeout(show, SETTLED, false);
    };
    box.addEventListener("scroll", scrolled, { passive: true });
    const measure = () => {
      setHeight(box.clientHeight);
      // Elements go round otherwise in a window of another height.
      show(false);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", scrolled);
      clearTimeout(settling);
    };
  }, [rowHeight, isUnordered]);

  useImperativeHandle(
    handle ?? null,
    () => ({
      element: element.current!,
      scrollTo(index, where = "nearest") {
        const box = element.current!;
        const top = index * rowHeight;
        const room = box.clientHeight - headerHeight;
        if (where === "center") box.scrollTop = top - (room - rowHeight) / 2;
        else if (top < box.scrollTop) box.scrollTop = top;
        else if (top + rowHeight > box.scrollTop + room) box.scrollTop = top + rowHeight - room;
      },
    }),
    [rowHeight, headerHeight],
  );

  const around = isJump ? 0 : OVERSCAN;
  const first = Math.max(0, Math.min(firstSeen, count - inView) - around);
  const last = Math.min(count, first + inView + 2 * around);
  // Elements go round: the one that leaves at the top comes back at the bottom.
  const pool = inView + 2 * OVERSCAN;

  useEffect(() => {
    onRange?.(first, last);
  }, [first, last, count]);

  // What a jump leaves out stays as it was, far away.
  const rows = isJump ? [...drawn.current] : [];
  for (let i = first; i < last; i++) {
    rows[isUnordered ? i % pool : i - first] = (
      <div
        class="rows-row"
        role="presentation"
        key={i % pool}
        style={{ transform: `translateY(${i * rowHeight}px)`, height: `${rowHeight}px` }}
      >
        {row(i)}
      </div>
    );
  }
  drawn.current = rows;
  return (
    <div ref={element} class={more ? `rows ${more}` : "rows"} {...attributes}>
      {header}
      <div class="rows-all" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  );
}
