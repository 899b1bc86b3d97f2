import { useEffect, useRef } from "preact/hooks";

/** Keys of a page: they do nothing while somebody types, or while a panel is open. */
export function useKeys(keys: { readonly [key: string]: (event: KeyboardEvent) => void }): void {
  // Of the newest drawing at once: an effect comes a frame later, and keys may be faster.
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, [role=dialog]")) return;
      // A button or a link that has the focus keeps the keys that press it.
      const isPress = event.key === "Enter" || event.key === " ";
      if (isPress && event.target instanceof Element && event.target.closest("a, button")) return;
      const act = Object.hasOwn(latest.current, event.key) ? latest.current[event.key] : undefined;
      if (act === undefined) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
