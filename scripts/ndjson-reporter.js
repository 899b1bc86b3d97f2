/** A reporter for `node --test`: results and diagnostics as lines of JSON. */
export default async function* ndjson(events) {
  for await (const { type, data } of events) {
    if (!["test:pass", "test:fail", "test:diagnostic"].includes(type)) continue;
    const { name, file, nesting, message, skip, todo } = data;
    yield `${JSON.stringify({ type: type.slice("test:".length), name, file, nesting, message, skip, todo })}\n`;
  }
}
