import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "sightline.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

const chosen: Signal<Theme> = signal("system");
/** Counts up whenever the colours change, for what is drawn on a canvas. */
const changes: Signal<number> = signal(0);

export const theme: ReadonlySignal<Theme> = chosen;
export const themeChanges: ReadonlySignal<number> = changes;

export function initTheme(): void {
  apply((localStorage.getItem(KEY) as Theme | null) ?? "system");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changes.value++);
}

/** System, light, dark, system, … */
export function toggleTheme(): void {
  apply(NEXT[chosen.peek()]);
  localStorage.setItem(KEY, chosen.peek());
}

function apply(theme: Theme): void {
  chosen.value = theme in NEXT ? theme : "system";
  const { dataset } = document.documentElement;
  if (chosen.peek() === "system") delete dataset["theme"];
  else dataset["theme"] = chosen.peek();
  changes.value++;
}

/** What a token is at the moment, as `rgb(…)`: `light-dark()` is only resolved where it is used. */
export function tokenColor(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
