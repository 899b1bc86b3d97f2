import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { visibleText } from "../visible-text.ts";

const DELAY_MS = 350;
const GAP = 6;

/** Says `text` when its content is pointed at or focused. Any element with `data-tip` does so too. */
export function Tooltip({ text, children }: { text: string; children: ComponentChildren }) {
  return <span data-tip={text}>{children}</span>;
}

/** The one tooltip of the page; part of the shell. */
export function TooltipLayer() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let shown: Element | null = null;
    const hide = () => {
      clearTimeout(timer);
      shown = null;
      box.current!.hidden = true;
    };
    const over = (event: Event) => {
      const target = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
      if (target === shown) return;
      hide();
      if (!target) return;
      shown = target;
      timer = setTimeout(() => show(target), DELAY_MS);
    };
    const show = (target: Element) => {
      const text = target.getAttribute("data-tip");
      if (!text || !target.isConnected || !box.current) return;
      const tip = box.current;
      tip.textContent = visibleText(text);
      tip.hidden = false;
      const at = target.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = tip;
      const left = Math.min(Math.max(4, at.left + at.width / 2 - offsetWidth / 2), innerWidth - offsetWidth - 4);
      const below = at.bottom + GAP + offsetHeight < innerHeight;
      tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(below ? at.bottom + GAP : at.top - GAP - offsetHeight)}px)`;
    };
    const focus = (event: Event) => {
      if (event.target instanceof Element && event.target.matches(":focus-visible")) over(event);
    };
    document.addEventListener("pointerover", over);
    document.addEventListener("focusin", focus);
    for (const name of ["pointerdown", "keydown", "wheel", "focusout"])
      document.addEventListener(name, hide, { passive: true });
    return () => {
      hide();
      document.removeEventListener("pointerover", over);
      document.removeEventListener("focusin", focus);
      for (const name of ["pointerdown", "keydown", "wheel", "focusout"]) document.removeEventListener(name, hide);
    };
  }, []);
  return <div class="tooltip" role="tooltip" ref={box} hidden />;
}
