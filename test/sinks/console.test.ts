import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { SpanRecord } from "sightline";
import type { TraceRecord } from "../../src/core/record.ts";
import { type ConsoleSinkOptions, consoleSink } from "../../src/sinks/console.ts";
import { columns } from "../../src/sinks/console-text.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { mathTutor, span } from "./math-tutor.ts";

const signal = new AbortController().signal;

function terminal() {
  let text = "";
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  const take = () => {
    const taken = text;
    text = "";
    return taken;
  };
  return { stream, take };
}

async function print(batches: readonly (readonly TraceRecord[])[], options: ConsoleSinkOptions = {}): Promise<string> {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false, ...options });
  for (const batch of batches) await sink.write(batch, signal);
  return take();
}

sinkContract(() => consoleSink({ stream: terminal().stream }));
sinkContract(() => consoleSink({ stream: terminal().stream, format: "json", name: "json" }));

test("a trace is one tree", async () => {
  assert.equal(
    await print([mathTutor]),
    `
trace 0193489c…1b2c3d4e · user user_42 · session algebra-7      ✗ 1 error  1,835 tok  $0.0050  6.21s
run_math_tutor                                ━━━━━━━━━━━━━━━━━                                6.21s
├─ create_assistant                           ━                                                410ms
├─ run_assistant                               ━━━╸                                            1.22s
│  ├─ threads.create                           ━                                               220ms
│  ├─ threads.messages.create                   ━╸                                             605ms
│  └─ threads.runs.create                        ╺╸                                            375ms
└─ get_response                                   ╺━━━━━━━━━━━━                                4.58s
   │  ★ helpfulness 0.9, clear steps
   ├─ invoke_agent Math Tutor     agent           ╺━━━━━━━━━━━                                 4.20s
   │  ├─ chat gpt-4.1             generation       ╺━━━╸              412→88=500 tok  $0.0015  1.30s
   │  ├─ execute_tool code_inte…  tool                 ╺━╸                                     750ms
   │  ├─ ✗ execute_tool file_se…  tool                   ╺╸                                    330ms
   │  │  └─ ✗ GET /v1/vector_st…                         ╺╸                                    310ms
   │  │        RateLimitError 429: Rate limit reached, try again in 3 s
   │  └─ chat gpt-4.1             generation              ╺━━━   1,204→131=1,335 tok  $0.0035  1.33s
   ├─ answer.cached               event                       •
   ├─ summarise gpt-4.1-mini      generation                  ╸                                 95ms
   │     ! usage was missing
   └─ save_transcript                                         ╍                                294ms
         unfinished, started at src/tutor.ts:88:18

`.slice(1),
  );
});

const priced = mathTutor.filter(
  (record): record is SpanRecord => record.record === "span" && record.cost !== undefined,
);

test("what calls without a price have cost is not told to be nothing", async () => {
  const records = mathTutor.map((record) => {
    if (record.record !== "span" || record.spanId !== priced[0]!.spanId) return record;
    const { cost: _, ...rest } = record;
    return rest;
  });
  assert.match(await print([records]), /1,835 tok {2}≥ \$0\.0035 {2}6\.21s\n/);
});

test("a narrow terminal gives up types, then bars, then tokens; names and times stay", async () => {
  const narrow = (await print([mathTutor], { width: 44 })).split("\n").slice(0, 12).join("\n");
  assert.equal(
    narrow,
    `
trace 0193489c…1b2c3d4e     ✗ 1 error  6.21s
run_math_tutor            ━━━━━━━━━━━  6.21s
├─ create_assistant       ╸            410ms
├─ run_assistant          ╺━━          1.22s
│  ├─ threads.create      ╺            220ms
│  ├─ threads.messages.…   ━           605ms
│  └─ threads.runs.crea…    ━          375ms
└─ get_response              ━━━━━━━━  4.58s
   │  ★ helpfulness 0.9, clear steps
   ├─ invoke_agent Math…     ━━━━━━━╸  4.20s
   │  ├─ chat gpt-4.1        ╺━━       1.30s
   │  ├─ execute_tool c…        ━╸     750ms`.slice(1),
  );
});

test("no line is wider than the terminal, whatever the names and the depth", async () => {
  const names = [
    "a",
    "数学の先生".repeat(9),
    "👩‍🏫 lesson ".repeat(9),
    "x".repeat(3000),
    "e\u0301".repeat(90),
    "مُعَلِّم".repeat(20),
  ];
  const chain = Array.from({ length: 60 }, (_, i) => span(i + 2, i + 1, i, 90, { name: names[i % names.length]! }));
  const told = names.map((name, i) =>
    sampleFinding({
      id: `f${i}`,
      spanId: (i * 9 + 2).toString(16).padStart(16, "0"),
      message: name.repeat(3),
      nextStep: name,
    }),
  );
  const records = [...chain, ...told, ...mathTutor, ...sampleRecords()].map((record) => ({
    ...record,
    traceId: "7".repeat(32),
  }));
  for (let width = 24; width <= 150; width++) {
    for (const line of (await print([records as TraceRecord[]], { width })).split("\n")) {
      assert.ok(columns(line) <= width, `${columns(line)} columns of ${width}: ${line}`);
    }
  }
});

test("names and messages cannot steer the terminal", async () => {
  const name = "\u001b[2J\u001b]0;owned\u0007evil\r\n\u202etxt\u2028\ud800";
  const error = { type: "Error\u001b[0m", message: "a\n\u009b31mb" };
  const text = await print([[span(1, undefined, 0, 1, { name, status: { code: "error" }, error })]]);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Zl}\p{Cs}\u202e]/u);
  assert.equal(text.split("\n").length, 5);
});

test("nothing is printed before the local root has arrived, and nothing twice", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false });
  for (const record of mathTutor.slice(0, -1)) await sink.write([record], signal);
  await sink.flush?.();
  assert.equal(take(), "");
  await sink.write(mathTutor.slice(-1), signal);
  assert.equal(take(), await print([mathTutor]));
  await sink.write(
    mathTutor.filter(({ record }) => record === "span"),
    signal,
  );
  await sink.close?.();
  assert.equal(take(), "");
});

test("the child of a span in another process is a local root", async () => {
  const text = await print([[span(2, 1, 0, 10, { name: "handler", parentIsRemote: true })]]);
  assert.match(text, /^trace .*\nhandler /);
  assert.doesNotMatch(text, /incomplete|late/);
});

test("two local roots of one trace do not take each other's spans", async () => {
  const one = span(2, 1, 0, 10, { name: "first", parentIsRemote: true });
  const two = span(3, 1, 5, 25, { name: "second", parentIsRemote: true });
  const below = span(4, 3, 6, 7, { name: "below second" });
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false });
  await sink.write([below, one], signal);
  assert.doesNotMatch(take(), /second/);
  await sink.write([two], signal);
  assert.match(take(), /second +━+.*\n└─ below second/);
});

test("what comes late is printed after its trace, once its parent is known", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false, width: 80 });
  await sink.write([span(1, undefined, 0, 1000, { name: "answer" })], signal);
  take();
  await sink.write([span(3, 2, 1200, 1400, { name: "upload" })], signal);
  assert.equal(take(), "", "its parent is still open");
  await sink.write([span(2, 1, 900, 1500, { name: "save" }), sampleScore({ comment: "👍" })], signal);
  assert.equal(
    take(),
    `
trace 0193489c…1b2c3d4e · late, under answer · user user_42                1.50s
save                                                     ╺━━━━━━━━━━━━━━━  600ms
└─ upload                                                        ━━━━━╸    200ms
★ helpfulness 0.9, 👍

`.slice(1),
  );
  await sink.write([span(2, 1, 900, 1600, { name: "save", seq: 2, unfinished: true })], signal);
  assert.match(take(), /late, under answer.*\nsave +━*╍+ +700ms\n {3}unfinished\n/);
  await sink.write([sampleScore({ id: "s2" })], signal);
  assert.equal(take(), "trace 0193489c…1b2c3d4e · late · user user_42\n★ helpfulness 0.9\n\n");
});

test("a child that seems to begin before its root does not stretch the time axis", async () => {
  const early = span(2, 1, -700, 400, { name: "run" });
  const text = await print([[early, span(1, undefined, 0, 1000, { name: "root" })]], { width: 60 });
  assert.match(text, /^trace .* 1.00s\n/);
  assert.match(text, /\nroot +━{19} +1.00s\n└─ run {26} {2}━{7}╸ +1.10s\n/);
});

test("a score of a session has no trace to wait for", async () => {
  const score = sampleScore({ sessionId: "algebra-7" });
  const { traceId: _, ...record } = score;
  assert.match(await print([[record]]), /^session algebra-7 .*\n★ helpfulness 0.9\n\n$/);
});

test("close prints what waits, as incomplete", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false });
  await sink.write([span(2, 1, 0, 10, { name: "child" })], signal);
  assert.equal(take(), "");
  await sink.close?.();
  assert.match(take(), /^trace 0193489c…1b2c3d4e · incomplete .*\nchild /);
});

test("at most 256 traces wait, printed ones go first", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false });
  const open = (i: number) =>
    sampleSpan({ traceId: i.toString(16).padStart(32, "0"), parentSpanId: "f".repeat(16), name: `open ${i}` });
  await sink.write([open(0), span(1, undefined, 0, 1, { name: "done" })], signal);
  assert.match(take(), /done/);
  await sink.write(
    Array.from({ length: 255 }, (_, i) => open(i + 1)),
    signal,
  );
  assert.equal(take(), "", "the printed trace was forgotten");
  await sink.write([open(256)], signal);
  assert.match(take(), /incomplete.*\nopen 0 /);
});

test("at most 10,000 records wait", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false });
  const children = Array.from({ length: 10_001 }, (_, i) => span(i + 2, 1, i, i + 1, { name: "child" }));
  await sink.write(children.slice(0, 10_000), signal);
  assert.equal(take(), "");
  await sink.write(children.slice(10_000), signal);
  assert.equal(take().match(/^child/gm)?.length, 10_001);
});

test("waiting spans keep no payload alive", async () => {
  setFlagsFromString("--expose-gc");
  const sink = consoleSink({ stream: terminal().stream });
  const write = (id: number): WeakRef<object> => {
    const input = { text: "x" };
    void sink.write([span(id, 1, 0, 1, { name: "child", input })], signal);
    return new WeakRef(input);
  };
  const inputs = Array.from({ length: 10 }, (_, i) => write(i + 2));
  await new Promise(setImmediate);
  runInNewContext("gc")();
  assert.equal(inputs.filter((input) => input.deref()).length, 0);
});

test("an error is told where it arose and only marked on the spans it passed", async () => {
  const error = { type: "Error", message: "boom" };
  const part = { status: { code: "error" }, error } as const;
  const text = await print([
    [
      span(3, 2, 0, 9, { name: "inner", ...part }),
      span(2, 1, 0, 9, { name: "outer", ...part }),
      span(4, 1, 9, 10, { name: "other", status: { code: "error", message: "no luck" } }),
      span(1, undefined, 0, 10, { name: "root" }),
    ],
  ]);
  assert.equal(text.match(/boom/g)?.length, 1);
  assert.equal(text.match(/✗ (inner|outer|other)/g)?.length, 3);
  assert.match(text, /✗ 2 errors/);
  assert.match(text, / {6}no luck\n/);
});

const stuck = {
  spanId: "0000000000000002",
  severity: "warning",
  name: "stuck_in_requires_action",
  message:
    "Run run_1 was still in requires_action 65 s after its creation; it waits for the outputs of check (call_1).",
  nextStep: "Submit an output for every pending call in one request.",
} as const;

test("findings stand under their span with what to do, those of the trace at its end; the header counts them", async () => {
  const tree = [
    span(3, 2, 60, 90, { name: "chat gpt-4.1", type: "generation" }),
    span(2, 1, 10, 95, { name: "invoke_agent tutor", type: "agent" }),
    sampleFinding(stuck),
    sampleFinding({
      id: "f2",
      spanId: "0".repeat(15),
      severity: "info",
      message: "All threads are new.",
      name: "threads",
    }),
    span(1, undefined, 0, 100, { name: "answer" }),
  ];
  assert.equal(
    await print([tree], { width: 80 }),
    `
trace 0193489c…1b2c3d4e · user user_42 · session algebra-7   ⚑ 2 findings  100ms
answer                                        ━━━━━━━━━━━━━━━━━━━━━━━━━━━  100ms
└─ invoke_agent tutor             agent         ╺━━━━━━━━━━━━━━━━━━━━━━╸    85ms
   │  ⚑ stuck_in_requires_action: Run run_1 was still in requires_action 65 s
   │    after its creation; it waits for the outputs of check (call_1).
   │    → Submit an output for every pending call in one request.
   └─ chat gpt-4.1                generation                  ━━━━━━━━╸     30ms
⚑ threads: All threads are new.
  → Start a new run and submit tool outputs sooner.

`.slice(1),
  );
});

test("findings have the colour of their severity, and the header that of the worst", async () => {
  const tree = (severity: "info" | "warning" | "error") => [
    span(2, 1, 10, 95, { name: "run" }),
    sampleFinding({ ...stuck, message: "Stuck.", severity }),
    sampleFinding({ ...stuck, id: "f2", message: "Queued.", severity: "info" }),
    span(1, undefined, 0, 100, { name: "answer" }),
  ];
  for (const [severity, color] of [
    ["info", 34],
    ["warning", 33],
    ["error", 31],
  ] as const) {
    const text = await print([tree(severity)], { colors: true });
    assert.ok(text.includes(`\u001b[${color}m⚑ 2 findings`), severity);
    assert.ok(text.includes(`\u001b[${color}m⚑ stuck_in_requires_action: Stuck.`), severity);
    assert.ok(text.includes("\u001b[34m⚑ stuck_in_requires_action: Queued."));
    assert.ok(text.includes("\u001b[2m  → Submit"));
  }
});

test("a finding waits for its trace; one that comes after it is late; one of a later schema is shown", async () => {
  const { stream, take } = terminal();
  const sink = consoleSink({ stream, colors: false, width: 80 });
  await sink.write([sampleFinding({ spanId: "0000000000000001" })], signal);
  assert.equal(take(), "");
  await sink.write([span(2, 1, 0, 5, { name: "late child" })], signal);
  assert.equal(take(), "");
  await sink.write([span(1, undefined, 0, 10, { name: "answer" })], signal);
  assert.match(take(), /^trace .*⚑ 1 finding {2}10ms\nanswer .*\n.*⚑ run_expired: Run run_abc expired.*\n.*→ Start/);
  const odd = { ...sampleFinding({ id: "f2", seq: 4 }), severity: "fatal", nextStep: undefined };
  await sink.write([odd as never], signal);
  assert.equal(
    take(),
    `
trace 0193489c…1b2c3d4e · late · user user_42                  ⚑ 1 finding
⚑ run_expired: Run run_abc expired after 10 min without an answer.

`.slice(1),
  );
});

test("attempts of a call, and the cause behind `fetch failed`", async () => {
  const [root] = mathTutor.filter((record) => record.record === "span" && record.parentSpanId === undefined);
  const failed: SpanRecord = {
    ...(root as SpanRecord),
    name: "chat gpt-4o",
    status: { code: "error" },
    level: "ERROR",
    error: {
      type: "TypeError",
      message: "fetch failed",
      causes: [{ type: "SocketError", message: "other side closed" }],
    },
    http: {
      method: "POST",
      route: "/chat/completions",
      attempts: [
        { status: 429, durationMs: 3 },
        { error: "UND_ERR_SOCKET", durationMs: 5, waitMs: 500 },
      ],
    },
  };
  const text = await print([[failed]]);
  assert.match(text, /^ +↻ 2 attempts: 429, UND_ERR_SOCKET$/m);
  assert.match(text, /^ +TypeError: fetch failed \(other side closed\)$/m);
});

test("json: one line for each record, at once", async () => {
  const records = sampleRecords();
  const text = await print([records.slice(0, 3), records.slice(3)], { format: "json" });
  assert.deepEqual(
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    records.map((record) => JSON.parse(JSON.stringify(record))),
  );
});

test("colours: as asked, else on a terminal without NO_COLOR, and FORCE_COLOR decides", async () => {
  const env = { ...process.env };
  const isColored = async (isTTY: boolean, options: ConsoleSinkOptions = {}) => {
    const { stream, take } = terminal();
    const { colors: _, ...rest } = options;
    const sink = consoleSink({
      stream: Object.assign(stream, { isTTY }),
      ...rest,
      ...("colors" in options && options),
    });
    await sink.write(mathTutor, signal);
    return take().includes("\u001b[");
  };
  try {
    delete process.env.FORCE_COLOR;
    delete process.env.NO_COLOR;
    assert.equal(await isColored(true), true);
    assert.equal(await isColored(false), false);
    assert.equal(await isColored(true, { colors: false }), false);
    assert.equal(await isColored(false, { colors: true }), true);
    process.env.NO_COLOR = "1";
    assert.equal(await isColored(true), false);
    process.env.FORCE_COLOR = "1";
    assert.equal(await isColored(false), true);
    process.env.FORCE_COLOR = "0";
    assert.equal(await isColored(true), false);
  } finally {
    process.env = env;
  }
});

test("without colours and with them, the same text", async () => {
  const plain = await print([mathTutor]);
  const colored = await print([mathTutor], { colors: true });
  assert.notEqual(colored, plain);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are
  assert.equal(colored.replace(/\u001b\[\d+m/g, "").replace(/ +$/gm, ""), plain);
});

test("a stream that fails is told once, as never, and not as an event", async () => {
  const stream = new Writable({ write: (_c, _e, done) => done(Object.assign(new Error("gone"), { code: "EPIPE" })) });
  const sink = consoleSink({ stream, format: "json" });
  const refused = { name: "SinkError", retry: "never" };
  await assert.rejects(async () => sink.write(mathTutor, signal), { ...refused, message: /EPIPE/ });
  await new Promise(setImmediate);
  await assert.rejects(async () => sink.write(mathTutor, signal), { ...refused, message: /closed/ });
  assert.throws(() => sink.writeSync!(mathTutor), refused);
  await sink.close?.();
});

test("a stalled stream is waited for, and nothing is taken before it drains", async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const sink = consoleSink({ stream, format: "json" });
  const gone = new AbortController();
  const first = sink.write([sampleSpan()], gone.signal);
  gone.abort();
  await first;
  assert.equal(stream.writableNeedDrain, true);
  const before = stream.writableLength;
  await assert.rejects(async () => sink.write([sampleSpan()], AbortSignal.abort()), { retry: "later" });
  assert.equal(stream.writableLength, before);
  const second = sink.write([sampleSpan({ name: "second" })], signal);
  let text = "";
  stream.on("data", (chunk) => (text += chunk));
  await second;
  assert.match(text, /"second"/);
  assert.equal(stream.listenerCount("error"), 0);
});

test("a reader that goes away does not end the program", async () => {
  const script = `
    import { consoleSink } from ${JSON.stringify(new URL("../../src/sinks/console.ts", import.meta.url).href)};
    import { sampleRecords } from ${JSON.stringify(new URL("../../src/testing/sample-records.ts", import.meta.url).href)};
    const sink = consoleSink({ format: "json" });
    const signal = new AbortController().signal;
    const results = [];
    for (let i = 0; i < 50; i++) {
      try { await sink.write(sampleRecords(), signal); } catch (error) { results.push(error.retry); }
      await new Promise(setImmediate);
    }
    console.log(JSON.stringify(new Set(results).size), results[0]);
  `;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.once("data", () => child.stderr.destroy());
  let stdout = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  assert.equal(stdout, "1 never\n");
});

test("options that do not exist or make no sense are told at once", () => {
  const bad = (options: object) => () => consoleSink(options);
  assert.throws(bad({ colour: true }), {
    name: "ConfigError",
    code: "CONFIG_UNKNOWN_OPTION",
    message: /"colour".*colors/,
  });
  assert.throws(bad({ format: "yaml" }), { code: "CONFIG_SINK_OPTION", message: /"tree" or "json"/ });
  assert.throws(bad({ width: -1 }), { code: "CONFIG_SINK_OPTION" });
  assert.throws(() => consoleSink("tree" as never), { code: "CONFIG_SINK_OPTION" });
});
