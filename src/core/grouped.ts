/** `1234567` → `1,234,567`. Without `Intl`, which takes its time when it is first used. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
