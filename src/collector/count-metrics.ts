type Node = { readonly [field: string]: unknown };

/** Field numbers from an `ExportMetricsServiceRequest` down to its data points: of the five kinds of metric, each its own. */
const STEPS = [[1], [2], [2], [5, 7, 9, 10, 11], [1]];
const NAMES = [
  ["resourceMetrics"],
  ["scopeMetrics"],
  ["metrics"],
  ["gauge", "sum", "histogram", "exponentialHistogram", "summary"],
  ["dataPoints"],
];

/** How many data points a request holds: what an answer that keeps none of them has to say. @throws for what is none */
export function countDataPoints(bytes: Buffer, isProtobuf: boolean): number {
  return isProtobuf ? inMessage(bytes, 0) : inJson(JSON.parse(bytes.toString()), 0);
}

function inJson(node: unknown, depth: number): number {
  if (depth === NAMES.length) return 1;
  if (typeof node !== "object" || node === null) return 0;
  const found = NAMES[depth]!.flatMap((name) => (node as Node)[name] ?? []);
  return found.reduce<number>((sum, next) => sum + inJson(next, depth + 1), 0);
}

function inMessage(bytes: Buffer, depth: number): number {
  if (depth === STEPS.length) return 1;
  let count = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new RangeError("the message is cut off");
      const inner = bytes.subarray(at, (at += length));
      if (STEPS[depth]!.includes(Math.floor(tag / 8))) count += inMessage(inner, depth + 1);
    } else throw new RangeError("no such wire type");
  }
  return count;
}
