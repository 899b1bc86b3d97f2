import type { TraceStore } from "../store/trace-store.ts";

/** What waiting cannot mend. */
const FOR_GOOD = ["STORE_MISSING_DRIVER", "STORE_NEWER_SCHEMA", "STORE_NOT_A_STORE"];
/** A file that this user cannot open. */
const NO_FILE = ["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "ELOOP"];
/** A database that does not answer may be there later. */
const PATIENCE_MS = 3_000;

/**
 * Asks the store once, before anybody is told to send anything. A store that is only away, or busy, is no reason not to
 * start.
 *
 * @throws what the store says, where another attempt cannot help
 */
export async function checkStore(store: TraceStore): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  const asked = Promise.resolve(store.revision()).then(
    () => {},
    (error: unknown) => {
      if (isForGood(error)) throw error;
    },
  );
  try {
    await Promise.race([asked, enough]);
  } finally {
    clearTimeout(timer);
    // It may answer later.
    asked.catch(() => {});
  }
}

function isForGood(error: unknown): boolean {
  const { code, retryAfterMs } = (error ?? {}) as { code?: unknown; retryAfterMs?: unknown };
  if (code === "STORE_UNAVAILABLE") return retryAfterMs === undefined;
  return typeof code === "string" && (FOR_GOOD.includes(code) || NO_FILE.includes(code));
}
