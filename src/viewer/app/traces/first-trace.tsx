import { bytes, integer, percent } from "../format.ts";
import { CopyButton, reading } from "../parts/index.ts";

const CODE = [
  'import { configure, observe } from "sightline";',
  'import { httpSink } from "sightline/sinks/http";',
  "",
  'configure({ sinks: [httpSink({ url: "ADDRESS/v1/records" })] });',
  "",
  "const answer = observe(async function answer(question) {",
  '  return "You asked: " + question;',
  "});",
  "",
  'await answer("What is a trace?");',
].join("\n");

/** What stands where traces will be: how far the reading is, or how the first trace gets here. */
export function FirstTrace() {
  const now = reading.value;
  if (now !== undefined && !now.isDone && now.problem === undefined) {
    const share = now.totalBytes > 0 ? now.bytes / now.totalBytes : 0;
    return (
      <div class="state" role="status">
        <h2>Reading {now.source.split(/[\\/]/).at(-1)}</h2>
        <progress class="reading-progress" max={1} value={share} aria-label="Read so far" />
        <p class="faint">
          {percent(share)} of {bytes(now.totalBytes)} · {integer(now.records)} records. Traces appear as they are read.
        </p>
      </div>
    );
  }
  const code = CODE.replace("ADDRESS", location.origin);
  return (
    <div class="state first-trace">
      <h2>No traces yet</h2>
      <p>Send the first one to this server. It appears here as soon as it has come; there is no need to reload.</p>
      <div class="snippet">
        <pre>
          <code>{code}</code>
        </pre>
        <CopyButton text={code} label="Copy the program" />
      </div>
      <p class="faint">
        Any OpenTelemetry SDK does too: <code>OTEL_EXPORTER_OTLP_ENDPOINT={location.origin}</code>
      </p>
    </div>
  );
}
