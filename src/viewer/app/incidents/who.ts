import { signal } from "@preact/signals";

const KEY = "sightline.who";

/** Who acts here: asked once, kept in this browser. */
export const who = signal(globalThis.localStorage?.getItem(KEY) ?? "");

export function rememberWho(name: string): void {
  who.value = name.trim();
  localStorage.setItem(KEY, who.value);
}
