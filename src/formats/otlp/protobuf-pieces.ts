/** Of spans, or log records, that are decoded at once. */
const PIECE_BYTES = 64 * 1024;
const LENGTH = 2;
/** Of `TracesData`, `ResourceSpans` and `ScopeSpans`, and of their like for logs: the list of what is in it. */
const LIST_FIELDS = [1, 2, 2] as const;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** A message: the fields of its list, whole and what is in them, and all its others. */
interface Outline {
  readonly items: readonly { readonly field: Range; readonly body: Range }[];
  readonly others: readonly Range[];
}

export interface Piece {
  /** A request of its own. */
  readonly piece: Uint8Array;
  /** Where its items begin in the whole one. */
  readonly at: number;
}

/**
 * A request in protobuf as many small ones, each with its resource and scope. `undefined` for one that cannot be taken apart.
 */
export function protobufPieces(bytes: Buffer): Iterable<Piece> | undefined {
  const request = outline(bytes, { start: 0, end: bytes.length }, 0);
  if (request === undefined) return undefined;
  const scopes: { readonly resource: Outline; readonly scope: Outline }[] = [];
  for (const { body } of request.items) {
    const resource = outline(bytes, body, 1);
    if (resource === undefined) return undefined;
    for (const each of resource.items) {
      const scope = outline(bytes, each.body, 2);
      if (scope === undefined) return undefined;
      scopes.push({ resource, scope });
    }
  }
  return pieces(bytes, scopes);
}

function* pieces(
  bytes: Buffer,
  scopes: readonly { readonly resource: Outline; readonly scope: Outline }[],
): Generator<Piece> {
  for (const { resource, scope } of scopes) {
    for (let from = 0; from < scope.items.length; ) {
      const { start } = scope.items[from]!.field;
      const items: Range[] = [];
      for (let size = 0; from < scope.items.length && size < PIECE_BYTES; from++) {
        const { field } = scope.items[from]!;
        items.push(field);
        size += field.end - field.start;
      }
      const inScope = message(
        2,
        [...scope.others, ...items].map((range) => slice(bytes, range)),
      );
      const inResource = message(1, [...resource.others.map((range) => slice(bytes, range)), ...inScope]);
      yield { piece: Buffer.concat(inResource), at: start };
    }
  }
}

function outline(bytes: Buffer, { start, end }: Range, level: 0 | 1 | 2): Outline | undefined {
  const items: Outline["items"][number][] = [];
  const others: Range[] = [];
  for (let at = start; at < end; ) {
    const tag = number(bytes, at, end);
    if (tag === undefined || (tag.value & 7) !== LENGTH) return undefined;
    const size = number(bytes, tag.end, end);
    if (size === undefined || size.value > end - size.end) return undefined;
    const field = { start: at, end: size.end + size.value };
    if (tag.value >>> 3 === LIST_FIELDS[level]) items.push({ field, body: { start: size.end, end: field.end } });
    else others.push(field);
    at = field.end;
  }
  return { items, others };
}

/** A tag or a length. */
function number(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    const byte = bytes[start + i]!;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return value < 2 ** 31 ? { value, end: start + i + 1 } : undefined;
  }
  return undefined;
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [(field << 3) | LENGTH];
  let rest = size;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return [Uint8Array.from(head), ...parts];
}

function slice(bytes: Buffer, { start, end }: Range): Uint8Array {
  return bytes.subarray(start, end);
}
