import type * as Crypto from "node:crypto";
import { guard } from "./guard.ts";

/** Where trace and span ids come from. Injectable: `configure({ ids })`, `sequentialIds()` from `sightline/testing`. */
export interface Ids {
  /** 32 hex digits, never all zero. `nowMs` is the wall time of the trace's start in epoch milliseconds. */
  traceId(nowMs: number): string;
  /** 16 hex digits, never all zero. */
  spanId(): string;
}

/** Ids made from one helping of random bytes. V8's slices keep their whole pool alive, so it stays small. */
const IDS_PER_POOL = 512;
/** UUIDv7 has 48 bits for the time. */
const MAX_MS = 2 ** 48 - 1;

/** On first use: `import "node:crypto"` costs 4 ms. */
function loadCrypto(): typeof Crypto {
  return process.getBuiltinModule("node:crypto");
}

/** Hex ids of `size` random bytes each; `shape` sets the fixed bits of the id that starts at `offset`. */
function hexPool(size: number, shape: (bytes: Uint8Array, offset: number) => void): () => string {
  let hex = "";
  let next = 0;
  const fill = (): void => {
    const bytes = Buffer.alloc(size * IDS_PER_POOL);
    loadCrypto().randomFillSync(bytes);
    for (let offset = 0; offset < bytes.length; offset += size) shape(bytes, offset);
    hex = bytes.toString("hex");
    next = 0;
  };
  return () => {
    if (next === hex.length) fill();
    return hex.slice(next, (next += size * 2));
  };
}

/** What follows the time in a UUIDv7: version, 12 random bits, variant, 62 random bits (RFC 9562 section 5.7). */
const traceTail = hexPool(10, (bytes, offset) => {
  bytes[offset] = 0x70 | (bytes[offset]! & 0x0f);
  bytes[offset + 2] = 0x80 | (bytes[offset + 2]! & 0x3f);
});

/** A last byte that is never zero keeps the whole id from being so. */
const spanId = hexPool(8, (bytes, offset) => {
  bytes[offset + 7] ||= 1;
});

let prefixMs = -1;
let prefix = "";

function traceId(nowMs: number): string {
  const ms = Math.floor(nowMs);
  if (ms !== prefixMs) {
    prefixMs = ms;
    prefix = Math.min(Math.max(ms, 0) || 0, MAX_MS)
      .toString(16)
      .padStart(12, "0");
  }
  return prefix + traceTail();
}

/** Random ids. A trace id is a UUIDv7 without dashes, so ids sort by time and their last 56 bits are random. */
export const systemIds: Ids = { traceId, spanId };

/** 32 lower-case hex digits, not all zero (W3C Trace Context). */
export function isTraceId(value: unknown): value is string {
  return typeof value === "string" && /^(?!0+$)[0-9a-f]{32}$/.test(value);
}

/** 16 lower-case hex digits, not all zero (W3C Trace Context). */
export function isSpanId(value: unknown): value is string {
  return typeof value === "string" && /^(?!0+$)[0-9a-f]{16}$/.test(value);
}

/** Ids of the user's, made safe: for what throws or gives no id, the system's own step in. */
export function checkedIds(ids: Ids): Ids {
  return {
    traceId(nowMs) {
      const id: unknown = guard(() => ids.traceId(nowMs), undefined);
      return isTraceId(id) ? id : traceId(nowMs);
    },
    spanId() {
      const id: unknown = guard(() => ids.spanId(), undefined);
      return isSpanId(id) ? id : spanId();
    },
  };
}

/** The same span id for the same parts, for what may be recorded again: run ids, step ids. */
export function derivedSpanId(...parts: string[]): string {
  return loadCrypto().createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

let uuidV7: (() => string) | undefined;

/** A UUIDv7 with dashes, for ids that are not hot. The package is loaded on first use: importing it costs 18 ms. */
export function uuid(): string {
  uuidV7 ??= loadUuid();
  return uuidV7();
}

function loadUuid(): () => string {
  try {
    const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);
    return (require("uuid") as { v7: () => string }).v7;
  } catch {
    // A bundle does not see this `require`, so the package may not be there.
    return () => traceId(Date.now()).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}
