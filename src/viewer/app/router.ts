import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { takeToken } from "./token.ts";

/** Where the viewer is: `#/trace/0af7…?span=1b` is `{ page: "trace", parts: ["0af7…"], params: { span → 1b } }`. */
export interface Route {
  readonly page: string;
  readonly parts: readonly string[];
  readonly params: URLSearchParams;
}

/** Parameters of a link. `undefined`, `null` and `""` are left out. */
export type Params = { readonly [name: string]: string | number | undefined | null };

// A token stands in the address only until `initToken` has taken it, which is after this.
const current: Signal<Route> = signal(parse(takeToken(globalThis.location?.hash ?? "").hash));

/** The route, as a signal: what reads it is drawn again when the address changes. */
export const route: ReadonlySignal<Route> = current;

/** The address that a link to `path` has: `href("/traces", { userId: "u" })` → `#/traces?userId=u`. */
export function href(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Goes there. `replace` leaves no step in the history: for what a key or a drag changes many times. */
export function navigate(path: string, params: Params = {}, { replace = false }: { replace?: boolean } = {}): void {
  go(href(path, params), replace);
}

/**
 * Changes parameters of the page that is shown and keeps the others; `undefined` takes one away. Filters and selections
 * live there, so that a link brings them back.
 */
export function setParams(changes: Params, { replace = true }: { replace?: boolean } = {}): void {
  const { page, parts, params } = current.peek();
  const next: Record<string, string | number | undefined | null> = Object.fromEntries(params);
  Object.assign(next, changes);
  go(href(`/${[page, ...parts].map(encodeURIComponent).join("/")}`, next), replace);
}

/** One parameter as a signal. */
export function param(name: string): ReadonlySignal<string | undefined> {
  return computed(() => current.value.params.get(name) ?? undefined);
}

/** What a hash says; whatever cannot be read is the list of traces. */
export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [page, ...parts] = path.split("/").filter(Boolean).map(decoded);
  return { page: page || "traces", parts, params: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function go(hash: string, replace: boolean): void {
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  current.value = parse(hash);
}

globalThis.addEventListener?.("hashchange", () => {
  current.value = parse(location.hash);
});
globalThis.addEventListener?.("popstate", () => {
  current.value = parse(location.hash);
});
