import { shared } from "../../core/runtime.ts";
import { readRequest } from "./request.ts";

/** Every `fetch` that records, of any loaded copy of the package, with what gives the one that it calls. */
export function tracedFetches(): WeakMap<Function, () => typeof fetch> {
  return shared("innerFetches", () => new WeakMap<Function, () => typeof fetch>());
}

/** Whether a `fetch` records already. */
export function isTraced(fetch: Function): boolean {
  return tracedFetches().has(fetch);
}

/**
 * Gives the global `fetch` as it is at each call. Where that is `traced` itself, or may be something around it, it is the
 * one that was global before: they would call each other for ever.
 */
export function globalFetch(traced: Function): () => typeof fetch {
  const before = untraced(globalThis.fetch);
  let wasGlobal = false;
  const look = (): void => {
    wasGlobal ||= globalThis.fetch === traced;
  };
  // `globalThis.fetch = tracedFetch()`, before anybody puts something around it.
  queueMicrotask(look);
  return () => {
    look();
    return wasGlobal || handing().args !== undefined ? before : untraced(globalThis.fetch);
  };
}

function untraced(given: typeof fetch): typeof fetch {
  const inner = tracedFetches().get(given);
  return inner === undefined ? given : inner();
}

/** Whether a traced `fetch` is handing a request for `url` over right now: the one that is called with it is its inner one. */
export function isHandedOver(url: URL): boolean {
  const { args } = handing();
  return args !== undefined && readRequest(args[0], undefined)?.url.href === url.href;
}

/** Calls `inner` as the inner one. */
export function sender(inner: typeof fetch): typeof fetch {
  return (...args) => {
    const state = handing();
    const before = state.args;
    state.args = args;
    try {
      return inner(...args);
    } finally {
      state.args = before;
    }
  };
}

/** What is being handed over in this turn. */
function handing(): { args: Parameters<typeof fetch> | undefined } {
  return shared("fetchHanding", () => ({ args: undefined }));
}
