/** Configured by its environment alone: runs the program of `secret-places`, and makes our own code fail with secrets. */
import { client, flush, shutdown, withSpan } from "sightline";
import { SECRETS } from "../../capture/corpus.ts";
import { run } from "../lab/secret-places.ts";

for (const planted of SECRETS) {
  run(planted, () => {});
  const broken = {
    get input(): string {
      throw new Error(planted.text);
    },
  };
  withSpan("broken", broken, () => {});
  client.startSpan("0".repeat(32), broken as never);
}
await flush({ timeoutMs: 300 });
await shutdown({ timeoutMs: 300 });
