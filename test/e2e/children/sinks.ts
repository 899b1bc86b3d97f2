import { join } from "node:path";
import { configure, fileSink, shutdown } from "sightline";
import { langfuseSink } from "sightline/sinks/langfuse";
import { otlpFile, otlpSink } from "sightline/sinks/otlp";

/** What the test tells each of its processes. */
export interface Places {
  readonly folder: string;
  readonly otlp: string;
  readonly langfuse: { readonly baseUrl: string; readonly publicKey: string; readonly secretKey: string };
}

/** Every process writes every form, and has no other way to know of the others than what they send it. */
export function traceAs(name: string): void {
  const { folder, otlp, langfuse }: Places = JSON.parse(process.env["PLACES"]!);
  configure({
    sinks: [
      fileSink({ path: join(folder, `${name}.ndjson`) }),
      otlpFile({ path: join(folder, `${name}.otlp.jsonl`) }),
      otlpSink({ endpoint: otlp }),
      langfuseSink(langfuse),
    ],
    baggage: { "user.id": "userId", "session.id": "sessionId" },
    version: name,
  });
}

/** Ends this process when the test says so, with everything delivered. */
export function stopWhenTold(close: () => unknown = () => {}): void {
  process.on("message", async (message) => {
    if (message !== "stop") return;
    await close();
    await shutdown();
    process.disconnect();
  });
}
