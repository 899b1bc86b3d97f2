import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../parts/index.ts";

interface Props {
  /** Whether it is open; others may open it. */
  open: Signal<boolean>;
  /** What the panel is, for those who do not see it. */
  label: string;
  button: ComponentChildren;
  icon?: IconName;
  children: ComponentChildren;
  class?: string;
}

const MARGIN = 8;

/** A button with a panel below it. Escape, and a click elsewhere, close it. */
export function Popover({ open, label, button, icon, children, class: more }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const isOpen = open.value;

  useLayoutEffect(() => {
    if (!isOpen) return;
    const place = () => {
      const at = (box.current as HTMLElement).getBoundingClientRect();
      const own = panel.current as HTMLElement;
      const left = Math.max(MARGIN, Math.min(at.left, innerWidth - own.offsetWidth - MARGIN));
      own.style.left = `${Math.round(left)}px`;
      own.style.top = `${Math.round(at.bottom + 4)}px`;
      own.style.maxHeight = `${Math.round(innerHeight - at.bottom - 4 - MARGIN)}px`;
    };
    place();
    addEventListener("resize", place);
    const observer = new ResizeObserver(place);
    observer.observe(panel.current as HTMLElement);
    return () => {
      removeEventListener("resize", place);
      observer.disconnect();
    };
  }, [isOpen]);

  useEffect(() => {
    if (!isOpen) return;
    panel.current?.querySelector<HTMLElement>("[data-first], input, select, button")?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && event.target.isConnected && !box.current?.contains(event.target))
        open.value = false;
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen) return;
    event.preventDefault();
    event.stopPropagation();
    open.value = false;
    box.current?.querySelector("button")?.focus();
  };

  return (
    <div class="popover" ref={box} onKeyDown={onKeyDown}>
      <button
        type="button"
        class={more ? `button ${more}` : "button"}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-label={typeof button === "string" ? undefined : label}
        onClick={() => {
          open.value = !isOpen;
        }}
      >
        {icon && <Icon name={icon} />}
        {button}
      </button>
      {isOpen && (
        <div class="popover-panel" role="dialog" aria-label={label} ref={panel}>
          {children}
        </div>
      )}
    </div>
  );
}
