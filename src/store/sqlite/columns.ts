interface ColumnType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Gives the columns that lie in a blob after each other, each of so many numbers: those of the widest first. */
export function columnsOf(bytes: Uint8Array, length: number): <T>(Column: ColumnType<T>) => T {
  // What a driver gives may begin anywhere; columns have to begin at a multiple of eight.
  const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  let offset = byteOffset;
  return (Column) => {
    const column = new Column(buffer, offset, length);
    offset += length * Column.BYTES_PER_ELEMENT;
    return column;
  };
}
