/** A reporter for `node --test`: the files that had a test that failed, a line each, however many failed in it. */
export default async function* failedFiles(source) {
  const files = new Set();
  for await (const { type, data } of source) {
    const file = data.file ?? data.name;
    if (type !== "test:fail" || data.todo || files.has(file)) continue;
    files.add(file);
    yield `${file}\n`;
  }
}
