/**
 * Makes bytes of lower-case hex digits, which are valid only until the next call. The last ones are remembered: spans of one
 * trace come together, and so do children of one parent.
 */
export function idBytes(size: number): (digits: string) => Uint8Array {
  const bytes = new Uint8Array(size);
  let last: string | undefined;
  return (digits) => {
    if (digits === last) return bytes;
    last = digits;
    for (let i = 0; i < size; i++) {
      bytes[i] = digitOf(digits.charCodeAt(2 * i)) * 16 + digitOf(digits.charCodeAt(2 * i + 1));
    }
    return bytes;
  };
}

/** Letters have bit 6, and `a` is 1 in the low four. */
function digitOf(code: number): number {
  return (code & 15) + (code >> 6) * 9;
}
