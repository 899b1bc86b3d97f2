/** Whether a text is what OTLP's times hold: an unsigned integer of 64 bits, decimal. */
export function isTime(text: string): boolean {
  return /^\d{1,20}$/.test(text) && (text.length < 20 || BigInt(text) < 1n << 64n);
}
