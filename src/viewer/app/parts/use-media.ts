import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

/** Whether a media query holds, now and later. */
export function useMedia(query: string): boolean {
  const list = useMemo(() => matchMedia(query), [query]);
  const fits = useSignal(list.matches);
  useEffect(() => {
    const changed = () => (fits.value = list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [list]);
  return fits.value;
}
