import assert from "node:assert/strict";
import { after, test } from "node:test";
import OpenAI from "openai";
import { configure, flush, memorySink, score, shutdown } from "sightline";
import { observeOpenAI } from "sightline/openai";
import { fakeOpenAI, sinkContract } from "sightline/testing";
import { judge } from "../../src/monitors/quality/judge.ts";
import { quality } from "../../src/monitors/quality/quality.ts";
import { refusal } from "../../src/monitors/quality/refusal.ts";
import { isAnswer, sampleOf } from "../../src/monitors/quality/sample.ts";
import { realRecords } from "../semconv/real-records.ts";

after(() => shutdown());
sinkContract(() => quality());

test("of real records the answers are scored, each of them once: no tools, no embeddings, no images, no steps of runs", async () => {
  const spans = (await realRecords()).filter((record) => record.record === "span");
  const answers = spans.filter(isAnswer).flatMap((span) => {
    const sample = sampleOf(span);
    return sample === undefined ? [] : [{ name: span.name, input: sample.input, output: sample.output }];
  });
  const question = "Solve 3x + 11 = 14.";
  const said = (name: string) => ({ name, input: question, output: "x = 1" });
  assert.deepEqual(answers, [
    said("chat gpt-4.1"),
    said("chat gpt-5"),
    said("chat gpt-5"),
    said("text_completion gpt-3.5-turbo-instruct"),
    said("invoke_agent Tutor"),
  ]);

  const contexts = spans.filter(isAnswer).map((span) => sampleOf(span)?.context ?? "");
  const searched = contexts.find((context) => context.includes("notes.txt"));
  assert.ok(searched?.startsWith("Be kind."), "what tools found and what the instructions say is context");
});

test("through the real pipeline: unsampled calls are scored too, scores become records of the trace, and the judge is not judged", async () => {
  await using api = await fakeOpenAI({ answer: () => ({ text: "x = 1, I think" }) });
  const openai = observeOpenAI(new OpenAI({ baseURL: api.baseURL, apiKey: api.apiKey }));
  let asked = 0;
  const ask = async (prompt: string) => {
    asked++;
    await openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: prompt }] });
    return '```json\n{"score": 0.75, "reason": "polite"}\n```';
  };
  const monitor = quality({
    record: true,
    feedback: { name: "thumbs" },
    scorers: [refusal(), judge({ ask, criteria: "Is it polite?" })],
  });
  const sink = memorySink();
  configure({ sinks: [sink, monitor], sampleRate: 1 });
  await openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: "Solve 3x = 3" }] });
  await flush();
  await flush();
  assert.equal(asked, 1);
  assert.equal(monitor.counts().scored, 1);
  const spans = sink.records.filter(({ record }) => record === "span");
  assert.equal(spans.length, 1, "the judge's own call is not recorded");
  const scores = sink.records.filter((record) => record.record === "score");
  assert.deepEqual(
    scores.map(({ name, value, comment, spanId }) => [name, value, comment, spanId === spans[0]!.spanId]),
    [
      ["quality_refusal", 0, undefined, true],
      ["quality_judge", 0.75, "polite", true],
      ["quality", 0.875, undefined, true],
    ],
  );
  score({ name: "thumbs", value: false, traceId: spans[0]!.traceId });
  await flush();
  assert.equal(monitor.read("feedback", { windowMs: 3_600_000 })[0]?.value, 0);
  await shutdown();

  const unsampled = quality({ scorers: [refusal()], record: true });
  const kept = memorySink();
  configure({ sinks: [kept, unsampled], sampleRate: 0 });
  await openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: "Solve 3x = 3" }] });
  await flush();
  await flush();
  assert.deepEqual([unsampled.counts().scored, kept.records.length], [1, 0]);
  await shutdown();
});
