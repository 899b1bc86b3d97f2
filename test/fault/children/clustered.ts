/** A cluster worker: goes on with the trace that its environment names, and tells the primary what it recorded. */
import { goOn } from "../../observe/conformance/fixtures/remote.ts";

const records = await goOn({ traceparent: process.env["TRACEPARENT"]! });
process.send?.(records, () => process.disconnect());
