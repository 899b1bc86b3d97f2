import { createHash } from "node:crypto";

/** UUIDv7 trace ids, one a millisecond, whose random part is a hash of their number: the same in every run. */
export function traceId(n: number, startMs = 1_750_000_000_000): string {
  const random = createHash("sha256").update(String(n)).digest("hex");
  return `${(startMs + n).toString(16).padStart(12, "0")}7${random.slice(0, 3)}8${random.slice(3, 18)}`;
}

/** For `configure({ ids })`. */
export function hashedIds(): { traceId(): string; spanId(): string } {
  let traces = 0;
  let spans = 0;
  return { traceId: () => traceId(traces++), spanId: () => (++spans).toString(16).padStart(16, "0") };
}
