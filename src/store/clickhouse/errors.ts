import { StoreError } from "../store-error.ts";

const SECOND = 1_000;

/** ClickHouse's codes for what may be better soon, and when to try again. */
const FOR_NOW: { readonly [code: string]: number } = {
  "32": SECOND, // ATTEMPT_TO_READ_AFTER_EOF
  "159": 5 * SECOND, // TIMEOUT_EXCEEDED
  "202": SECOND, // TOO_MANY_SIMULTANEOUS_QUERIES
  "203": SECOND, // NO_FREE_CONNECTION
  "209": SECOND, // SOCKET_TIMEOUT
  "210": SECOND, // NETWORK_ERROR
  "225": 5 * SECOND, // NO_ZOOKEEPER
  "236": SECOND, // ABORTED
  "241": 5 * SECOND, // MEMORY_LIMIT_EXCEEDED
  "242": 5 * SECOND, // TABLE_IS_READ_ONLY: its Keeper is away
  "252": 5 * SECOND, // TOO_MANY_PARTS
  "254": 5 * SECOND, // NO_ACTIVE_REPLICAS
  "279": SECOND, // ALL_CONNECTION_TRIES_FAILED
  "285": 5 * SECOND, // TOO_FEW_LIVE_REPLICAS
  "286": 5 * SECOND, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  "289": 5 * SECOND, // REPLICA_IS_NOT_IN_QUORUM
  "319": SECOND, // UNKNOWN_STATUS_OF_INSERT
  "364": SECOND, // IP_ADDRESS_NOT_ALLOWED may follow a moved node
  "416": SECOND, // ALL_REPLICAS_ARE_STALE
  "425": 5 * SECOND, // SYSTEM_ERROR
  "439": 5 * SECOND, // CANNOT_SCHEDULE_TASK
  "516": 60 * SECOND, // AUTHENTICATION_FAILED
  "497": 60 * SECOND, // ACCESS_DENIED
  "999": 5 * SECOND, // KEEPER_EXCEPTION
};
const READ_ONLY = "164";
const NOT_ENOUGH_SPACE = "243";

/**
 * What a client threw, as a store says it. What is no answer of the server never reached it, or nobody knows: nothing is
 * acknowledged, and the same again is harmless.
 */
export function asStoreError(error: unknown, store: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const code = serverCode(error);
  const reason = firstLine(error.message);
  const made = (kind: ConstructorParameters<typeof StoreError>[0], message: string, retryAfterMs?: number) =>
    new StoreError(kind, message, { cause: error, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  if (code === undefined) {
    return made("STORE_UNAVAILABLE", `The store ${store} does not answer: ${reason}. It is asked again later.`, SECOND);
  }
  if (code === READ_ONLY) return made("STORE_READ_ONLY", `The store ${store} only reads here: ${reason}`);
  if (code === NOT_ENOUGH_SPACE) {
    return made(
      "STORE_FULL",
      `The store ${store} has no room left: ${reason}. Prune it, or give it a larger disk.`,
      60 * SECOND,
    );
  }
  const retryAfterMs = FOR_NOW[code];
  if (retryAfterMs !== undefined) {
    return made("STORE_UNAVAILABLE", `The store ${store} cannot do it now: ${reason}`, retryAfterMs);
  }
  return made("STORE_BAD_QUERY", `The store ${store} refuses this: ${reason} (ClickHouse code ${code})`);
}

/** Whether another node may do better. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof StoreError && error.code === "STORE_UNAVAILABLE";
}

function serverCode(error: Error & { readonly code?: unknown }): string | undefined {
  const { code } = error;
  if (typeof code === "string" && /^\d+$/.test(code)) return code;
  // Where a server answers in two parts, the client may give the text as it is.
  return /\bCode: (\d+)\. DB::Exception/.exec(error.message)?.[1];
}

function firstLine(message: string): string {
  const line = message.trim().split("\n")[0]!.slice(0, 500);
  return line.replace(/\.$/, "") || "no reason given";
}
