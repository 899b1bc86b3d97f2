// A child of process 3: continues the trace that its environment names.
import { shutdown, withContext, withSpan } from "sightline";
import { traceAs } from "./sinks.ts";

const [, , id] = process.argv;
traceAs(`label-${id}`);
withContext(process.env, () => withSpan("print label", () => {}));
await shutdown();
