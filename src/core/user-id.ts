import { ConfigError } from "./errors.ts";
import { slot } from "./runtime.ts";

/** Shorter keys can be tried out; RFC 2104, 3, asks for one as long as the hash. */
const MIN_KEY = 16;
/** Half of SHA-256, as long as a UUID: no two of 10^12 ids meet. */
const DIGITS = 32;

/**
 * A user id as traces and providers may have it: HMAC-SHA256 of the id under your key, 32 hex digits. The same id and key
 * give the same text in every process. Without the key, ids cannot be found by trying them.
 *
 * Throws a `ConfigError` for a key shorter than 16 characters.
 *
 * @example
 * const safetyIdentifier = hashUserId(userId, process.env["USER_ID_KEY"]!);
 */
export function hashUserId(id: string, key: string): string {
  return userIdHasher(key)(id);
}

/** The same with the key checked once and kept where no inspection shows it. */
export function userIdHasher(key: string): (id: string) => string {
  if (typeof key !== "string" || key.length < MIN_KEY) {
    const problem = typeof key === "string" ? `has ${key.length}` : `is of type ${typeof key}`;
    throw new ConfigError(
      "CONFIG_USER_ID_KEY",
      `The key for user ids (userIdKey, SIGHTLINE_USER_ID_KEY) must have at least ${MIN_KEY} characters; it ${problem}.`,
    );
  }
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return (id) => createHmac("sha256", key).update(id).digest("hex").slice(0, DIGITS);
}

/** Whether a text looks like what `hashUserId` gives. */
export function isHashedUserId(text: string): boolean {
  return text.length === DIGITS && /^[0-9a-f]+$/.test(text);
}

const HASHER = "userIdHasher";

/** What `configure` says of user ids, also when tracing is off: what a program sends must not depend on that. */
export function keepUserIdHasher(hasher: ((id: string) => string) | undefined): void {
  if (hasher === undefined) slot.shared.delete(HASHER);
  else slot.shared.set(HASHER, hasher);
}

/** The hasher that `configure` was given a key for. */
export function keptUserIdHasher(): ((id: string) => string) | undefined {
  return slot.shared.get(HASHER) as ((id: string) => string) | undefined;
}
