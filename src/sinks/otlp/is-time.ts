/** Whether a text is what OTLP's times hold: an unsigned integer of 64 bits, decimal. */
export function isTime(text: string): boolean {
  // Of a nanosecond since 2001 until 2286; a loop takes half the time of the expression below.
  if (text.length === 19) return isDigits(text);
  return /^\d{1,20}$/.test(text) && (text.length < 20 || BigInt(text) < 1n << 64n);
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!(code >= 48 && code <= 57)) return false;
  }
  return true;
}
