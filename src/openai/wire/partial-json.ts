/**
 * What the two ends of a long JSON object say: the fields before its first list and after its last one. Answers are long
 * because of a list (vectors, images, items), and have their id, model and tokens around it.
 *
 * @example
 * partialJson('{"id":"x","data":[{"b64_json":"…', '…"}],"usage":{"total_tokens":9}}');
 * // { id: "x", data: [], usage: { total_tokens: 9 } }
 */
export function partialJson(head: string, tail: string): unknown {
  const first = head.indexOf("[");
  const last = tail.lastIndexOf("]");
  // Without a list around, the end of a tail may be anything.
  const start = first === -1 ? undefined : parsed(`${head.slice(0, first)}[]}`);
  const rest = tail.slice(last + 1).trimStart();
  const end = last === -1 || !rest.startsWith(",") ? undefined : parsed(`{${rest.slice(1)}`);
  return start === undefined && end === undefined ? undefined : { ...start, ...end };
}

function parsed(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
