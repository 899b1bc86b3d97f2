import { useEffect, useRef } from "preact/hooks";
import type { TailEvent } from "../../../collector/api.ts";
import { onTail } from "../live.ts";

/** So often at most, however much comes. */
const EVERY_MS = 1_000;

/** Calls back soon after something has changed, at most once a second, and not while nobody looks. */
export function useTail(kinds: readonly TailEvent["event"][], callBack: () => void): void {
  const latest = useRef(callBack);
  latest.current = callBack;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let lastMs = 0;
    let isMissed = false;
    const run = () => {
      timer = undefined;
      if (document.hidden) {
        isMissed = true;
        return;
      }
      lastMs = Date.now();
      latest.current();
    };
    const stop = onTail(({ event }) => {
      if (!kinds.includes(event) || timer !== undefined) return;
      timer = setTimeout(run, Math.max(100, lastMs + EVERY_MS - Date.now()));
    });
    const seen = () => {
      if (document.hidden || !isMissed) return;
      isMissed = false;
      run();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearTimeout(timer);
      stop();
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
}
