/** What is written to stderr, none of it shown, until `fn` and the promise that it returns are done. */
export async function stderrOf(fn: () => unknown): Promise<string> {
  const { write } = process.stderr;
  let text = "";
  process.stderr.write = ((chunk: string) => (text += chunk) !== "") as typeof write;
  try {
    await fn();
  } finally {
    process.stderr.write = write;
  }
  return text;
}
