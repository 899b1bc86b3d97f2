// No configuration in code: SIGHTLINE_SINK alone decides where records go. Try it with
//   SIGHTLINE_SINK=console
//   SIGHTLINE_SINK=file:./traces.ndjson
//   SIGHTLINE_SINK=http://127.0.0.1:4000/records
// or several, separated by commas. Without it, nothing is traced and nothing is paid.
import { observe, withTrace } from "sightline";

const translate = observe({ name: "translate", type: "generation", model: "tiny-translator" }, async (text: string) =>
  text.split("").reverse().join(""),
);
const summarize = observe("summarize", async (text: string) => (await translate(text)).slice(0, 12));

console.log(await withTrace({ userId: "u-1", sessionId: "s-1" }, () => summarize("the same program, three sinks")));
