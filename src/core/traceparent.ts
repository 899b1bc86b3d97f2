/** What `traceparent` says: which trace, which span of it, and the W3C trace flags (bit 0 sampled, bit 1 random). */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** What arrived from another process. `traceState` is valid or absent; `baggage` is as it came, for `parseBaggage`. */
export interface RemoteContext extends SpanContext {
  readonly traceState?: string;
  readonly baggage?: string;
}

/** The three W3C headers, ready to send. */
export interface PropagationFields {
  traceparent?: string;
  tracestate?: string;
  baggage?: string;
}

const SAMPLED = 1;
const SAMPLED_AND_RANDOM = 3;
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?=-|$)/;
/** Version 00 has exactly this many characters; later versions may go on after a dash. */
const TRACEPARENT_LENGTH = 55;

/** The header of version 00. Flags that level 2 does not define are sent as zero. */
export function formatTraceparent(span: SpanContext): string {
  return `00-${span.traceId}-${span.spanId}-0${span.traceFlags & SAMPLED_AND_RANDOM}`;
}

/**
 * Reads a `traceparent` header (W3C Trace Context level 2, section 3.2). Anything malformed is `undefined`; never throws.
 * Of a version that is not known yet only the ids and the sampled flag are read.
 */
export function parseTraceparent(header: unknown): SpanContext | undefined {
  if (typeof header !== "string") return undefined;
  const text = header.trim();
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags] = match as unknown as [string, string, string, string, string];
  if (version === "00" && text.length !== TRACEPARENT_LENGTH) return undefined;
  const known = version === "00" ? SAMPLED_AND_RANDOM : SAMPLED;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & known };
}

/** W3C asks to pass on at least 512 characters, and allows 32 members. */
const TRACESTATE_LENGTH = 512;
const TRACESTATE_MEMBERS = 32;
/** Longer members go first where there are too many characters. */
const TRACESTATE_MEMBER_LENGTH = 128;
/** Node takes 16 KiB of headers. */
const TRACESTATE_READ = 16_384;
/** key = value of level 2, section 3.3.1.3; a value does not end with a space. */
const TRACESTATE_MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/**
 * The header as it came when it is a valid `tracestate`; else `undefined`, as W3C wants it dropped whole. What has more than 512
 * characters is cut as section 3.3.1.5 says: members of more than 128 characters first, then the last ones.
 */
export function parseTracestate(header: unknown): string | undefined {
  if (typeof header !== "string" || header.length > TRACESTATE_READ) return undefined;
  const members = header
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
  if (members.length === 0 || members.length > TRACESTATE_MEMBERS) return undefined;
  return members.every((member) => TRACESTATE_MEMBER.test(member)) ? fitting(members) : undefined;
}

function fitting(members: string[]): string | undefined {
  while (members.join(",").length > TRACESTATE_LENGTH) {
    const isLong = (member: string): boolean => member.length > TRACESTATE_MEMBER_LENGTH;
    const long = members.findLastIndex(isLong);
    members.splice(long === -1 ? members.length - 1 : long, 1);
  }
  return members.length === 0 ? undefined : members.join(",");
}

/** W3C Baggage section 3.3.2: what everybody must be able to carry. */
const BAGGAGE_BYTES = 8192;
const BAGGAGE_ENTRIES = 64;
const BAGGAGE_KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAGGAGE_VALUE = /^[!#-+\--:<-[\]-~]*$/;

export function isBaggageKey(key: string): boolean {
  return BAGGAGE_KEY.test(key);
}

/**
 * The entries of a `baggage` header whose keys are on the list, percent-decoded; properties after `;` are left out.
 * Malformed entries are skipped, of equal keys the last counts, and what lies beyond 8,192 characters or 64 entries is
 * not read. Never throws.
 */
export function parseBaggage(header: unknown, allow: readonly string[]): Record<string, string> {
  const entries: Record<string, string> = Object.create(null);
  if (typeof header !== "string") return entries;
  const end = header.length > BAGGAGE_BYTES ? header.lastIndexOf(",", BAGGAGE_BYTES) : header.length;
  for (const member of header.slice(0, Math.max(0, end)).split(",", BAGGAGE_ENTRIES)) {
    const [pair = ""] = member.split(";", 1);
    const equals = pair.indexOf("=");
    const key = pair.slice(0, Math.max(0, equals)).trim();
    const value = pair.slice(equals + 1).trim();
    if (key !== "" && allow.includes(key) && BAGGAGE_VALUE.test(value)) entries[key] = percentDecode(value);
  }
  return entries;
}

/**
 * A `baggage` header of these entries, values percent-encoded; `undefined` when there is none. Keys that are no RFC 7230
 * token are left out, and so is what would not fit in 8,192 bytes and 64 entries.
 */
export function formatBaggage(entries: Readonly<Record<string, string>>): string | undefined {
  const members: string[] = [];
  let bytes = -1;
  for (const [key, value] of Object.entries(entries ?? {})) {
    if (members.length === BAGGAGE_ENTRIES) break;
    if (!BAGGAGE_KEY.test(key) || typeof value !== "string" || value.length > BAGGAGE_BYTES) continue;
    const member = `${key}=${percentEncode(value)}`;
    if (bytes + 1 + member.length > BAGGAGE_BYTES) continue;
    bytes += 1 + member.length;
    members.push(member);
  }
  return members.length === 0 ? undefined : members.join(",");
}

/** `encodeURIComponent` throws on lone surrogates. */
function percentEncode(text: string): string {
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, "\uFFFD"));
}

/** `decodeURIComponent` throws on what is no UTF-8; W3C Baggage wants U+FFFD in its place. */
function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/**
 * Reads the W3C headers from a plain object, Node's `IncomingHttpHeaders`, a `Headers`, a `Map`, or anything with a `get`
 * such as an Express request; names in any case, so that `process.env` is one too. `undefined` without a valid
 * `traceparent`. Never throws.
 */
export function extract(carrier: unknown): RemoteContext | undefined {
  const fields = readFields(carrier);
  const span = parseTraceparent(fields.traceparent);
  if (span === undefined) return undefined;
  const traceState = parseTracestate(fields.tracestate);
  return {
    ...span,
    ...(traceState === undefined ? undefined : { traceState }),
    ...(fields.baggage === undefined ? undefined : { baggage: fields.baggage }),
  };
}

/** The three headers as they came, each on one line. Never throws. */
export function readFields(carrier: unknown): PropagationFields {
  const fields: PropagationFields = {};
  try {
    if (typeof carrier !== "object" || carrier === null) return {};
    for (const [key, read] of namesOf(carrier)) {
      const name = NAMES.find((known) => typeof key === "string" && key.toLowerCase() === known);
      if (name !== undefined) fields[name] ??= oneLine(read());
    }
    return fields;
  } catch {
    return {};
  }
}

/**
 * Sets the fields on a plain object, or on anything with a `set` such as `Headers`, and returns it. A name that the object
 * has in another case is replaced; a `tracestate` of another trace goes. Never throws: a frozen carrier stays as it is.
 *
 * @example
 * fetch(url, { headers: inject(carrier(), { accept: "application/json" }) });
 */
export function inject<T extends object>(fields: PropagationFields, carrier: T): T {
  try {
    for (const name of NAMES) {
      const value = fields[name];
      if (value !== undefined) setField(carrier, name, value);
      else if (name === "tracestate" && fields.traceparent !== undefined) removeField(carrier, name);
    }
  } catch {}
  return carrier;
}

function setField(carrier: object, name: string, value: string): void {
  if (isSettable(carrier)) carrier.set(name, value);
  else Reflect.set(carrier, keyOf(carrier, name) ?? name, value);
}

function removeField(carrier: object, name: string): void {
  const key = keyOf(carrier, name);
  if (!isSettable(carrier)) key !== undefined && Reflect.deleteProperty(carrier, key);
  else if (typeof carrier.delete === "function") carrier.delete(name);
}

/** A name as the object has it, in whatever case. */
function keyOf(carrier: object, name: string): string | undefined {
  return Object.keys(carrier).find((key) => key.toLowerCase() === name);
}

const NAMES = ["traceparent", "tracestate", "baggage"] as const satisfies readonly (keyof PropagationFields)[];

function* namesOf(carrier: object): Iterable<[name: unknown, read: () => unknown]> {
  if (!isGettable(carrier)) {
    for (const key of Object.keys(carrier)) yield [key, () => (carrier as Record<string, unknown>)[key]];
  } else if (isIterable(carrier)) {
    for (const [key, value] of carrier) yield [key, () => value];
  } else {
    for (const name of NAMES) yield [name, () => carrier.get(name)];
  }
}

/** A header that came in several lines is one list (RFC 9110 section 5.3). */
function oneLine(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join(",") : undefined;
}

function isGettable(carrier: object): carrier is { get(name: string): unknown } {
  return typeof (carrier as { get?: unknown }).get === "function";
}

interface Settable {
  set(name: string, value: string): unknown;
  delete?(name: string): unknown;
}

function isSettable(carrier: object): carrier is Settable {
  return typeof (carrier as { set?: unknown }).set === "function";
}

function isIterable(carrier: object): carrier is Iterable<[unknown, unknown]> {
  return typeof (carrier as { [Symbol.iterator]?: unknown })[Symbol.iterator] === "function";
}
