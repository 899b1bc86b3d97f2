/** Small programs with their own ways to end. Options: `{ program, path, url }`. Writes lines of JSON to stdout. */
import { writeSync } from "node:fs";
import { configure, consoleSink, fileSink, flush, shutdown, startSpan, stats, withSpan } from "sightline";
import { httpSink } from "sightline/sinks/http";

const { program, path, url } = JSON.parse(process.argv[2]);

const say = (line) => void writeSync(1, `${JSON.stringify(line)}\n`);
/** The books as they are when our own exit hook has run. */
const start = (options) => {
  configure(options);
  process.on("exit", () => say({ stats: stats() }));
};
const file = () => start({ sinks: [fileSink({ path })] });
const http = () => start({ sinks: [httpSink({ url, name: "http" })] });
const spans = (count) => {
  for (let i = 0; i < count; i++) withSpan(`span ${i}`, () => {});
};

const PROGRAMS = {
  async "process.exit in finally"() {
    file();
    try {
      await withSpan("span 0", async () => {});
    } finally {
      process.exit();
    }
  },
  async "flush, then process.exit"() {
    http();
    spans(300);
    say({ flush: await flush() });
    process.exit(0);
  },
  async "shutdown with a batch in flight"() {
    http();
    spans(300);
    void flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
    spans(1);
    say({ shutdown: await shutdown() });
    process.exit(0);
  },
  "a lot of data, then an uncaught error"() {
    file();
    withSpan("span 0", { input: "x".repeat(100_000) }, () => {});
    throw new Error("This is a test error");
  },
  "only process.exit"() {
    file();
    spans(10);
    process.exit(0);
  },
  "a root that never ends"() {
    file();
    const root = startSpan("open", { parent: null });
    for (let i = 0; i < 3; i++) withSpan(`span ${i}`, { parent: root }, () => {});
    process.exit(0);
  },
  "a root that never ends, naturally"() {
    http();
    startSpan("open", { parent: null });
    spans(3);
  },
  // The root is lost on the way to the console; what is under it shows as the process ends.
  async "a root that was lost"() {
    const sink = consoleSink({ colors: false });
    const isChild = (record) => record.name !== "root";
    const filtered = { ...sink, write: (batch, signal) => sink.write(batch.filter(isChild), signal) };
    start({ sinks: [filtered] });
    withSpan("root", () => withSpan("child", () => {}));
    await flush();
  },
  async "losses, twice"() {
    const key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";
    const refuse = () => {
      throw Object.assign(new Error(`refused\nby https://user:${key}@host/?key=${key}`), { retry: "never" });
    };
    const sinks = ["one", "two"].map((name) => ({ name, write: refuse }));
    start({ sinks, delivery: { giveUpMs: 1 } });
    spans(1_200);
    await shutdown({ timeoutMs: 100 });
    process.exit(0);
  },
  "console to a slow reader"() {
    start({ sinks: [consoleSink({ format: "json" })] });
    spans(5_000);
    say({ ready: true });
    process.exit(0);
  },
  "losses, nobody reads"() {
    http();
    spans(3);
    process.exit(4);
  },
};

await PROGRAMS[program]();
