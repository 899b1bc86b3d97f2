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
      bytes[i] = hexDigit(digits.charCodeAt(2 * i)) * 16 + hexDigit(digits.charCodeAt(2 * i + 1));
    }
    return bytes;
  };
}

/** What a hexadecimal digit stands for: letters have bit 6, and `a` is 1 in the low four. */
export function hexDigit(code: number): number {
  return (code & 15) + (code >> 6) * 9;
}
