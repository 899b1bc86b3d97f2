/** A program of its own that appends to a file: `appender.ts <path> <id> <batches> <maxBytes>`, ten records a batch. */
import { fileSink } from "../../src/sinks/file.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const [path, id, batches, maxBytes] = process.argv.slice(2);
const sink = fileSink({ path: path!, maxBytes: Number(maxBytes) });
for (let batch = 0; batch < Number(batches); batch++) {
  const input = "x".repeat(batch % 10 === 0 ? 50_000 : 50);
  sink.write(Array.from({ length: 10 }, (_, i) => sampleSpan({ spanId: `${id}-${batch * 10 + i}`, input })));
}
