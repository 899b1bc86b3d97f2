/** Endpoints whose payload is no text, or no answer to one: embeddings, images, audio, moderation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeUsage } from "sightline/openai";
import { speechDescriber, transcriptionDescriber } from "../../src/openai/audio.ts";
import type { Describer } from "../../src/openai/describe.ts";
import { embeddingDescriber } from "../../src/openai/embeddings.ts";
import { imageDescriber } from "../../src/openai/images.ts";
import { moderationDescriber } from "../../src/openai/moderation.ts";
import { T0 } from "./payloads.ts";

const text = (content: string) => ({ type: "text", content });
const user = (...parts: unknown[]) => ({ role: "user", parts });

/** The one span of a call. */
function spanOf(describer: Describer, request: unknown, answer: unknown) {
  const plan = describer.plan({ request, answer, provider: "openai", startMs: 1000, endMs: 2000 });
  assert.deepEqual([plan.spans.length, plan.isTerminal, plan.conversationId], [1, true, undefined]);
  const [span] = plan.spans;
  assert.deepEqual([span.kind, span.startMs, span.endMs, span.unfinished], ["client", 1000, 2000, false]);
  const asked = describer.request(request, "openai");
  assert.deepEqual([asked.name.split(" ")[0], asked.type], [span.name.split(" ")[0], span.type]);
  assert.deepEqual(asked.patch.input, span.patch.input);
  return span;
}

test("embeddings: the texts, how many vectors of which length, never the vectors", () => {
  const request = { model: "text-embedding-3-small", input: ["a", "b"], dimensions: 3, encoding_format: "float" };
  const data = [0, 1].map((index) => ({ object: "embedding", index, embedding: [0.25, 0.5, 0.75] }));
  const usage = { prompt_tokens: 4, total_tokens: 4 };
  const span = spanOf(embeddingDescriber, request, { object: "list", data, model: "text-embedding-3-small", usage });
  assert.deepEqual([span.name, span.type], ["embeddings text-embedding-3-small", "embedding"]);
  assert.deepEqual(span.patch, {
    input: ["a", "b"],
    output: { count: 2, dimensions: 3 },
    usage: { inputTokens: 4, totalTokens: 4 },
    genAi: {
      operation: "embeddings",
      provider: "openai",
      requestModel: "text-embedding-3-small",
      responseModel: "text-embedding-3-small",
      parameters: { dimensions: 3, encoding_format: "float" },
    },
  });
});

test("embeddings as base64, of one text, of tokens", () => {
  const embedding = Buffer.from(new Float32Array(1536).buffer).toString("base64");
  const span = spanOf(embeddingDescriber, { input: "a" }, { data: [{ embedding }] });
  assert.deepEqual([span.patch.input, span.patch.output], ["a", { count: 1, dimensions: 1536 }]);
  const input = (given: unknown) => embeddingDescriber.request({ input: given }, "openai").patch.input;
  assert.deepEqual(input([1, 2, 3]), { type: "tokens", count: 3 });
  assert.deepEqual(input([[1, 2, 3], "a"]), [{ type: "tokens", count: 3 }, "a"]);
  assert.deepEqual(spanOf(embeddingDescriber, {}, { data: [] }).patch.output, { count: 0 });
});

test("images: addresses, sizes instead of bytes, tokens of images", () => {
  const b64_json = Buffer.alloc(3000).toString("base64");
  const request = { model: "gpt-image-1", prompt: "A cat", size: "1024x1024", quality: "low", n: 2, user: "ada" };
  const answer = {
    created: T0,
    background: "opaque",
    output_format: "png",
    quality: "low",
    size: "1024x1024",
    data: [{ b64_json }, { url: "https://example.com/cat.png", revised_prompt: "A nice cat" }],
    usage: {
      input_tokens: 50,
      input_tokens_details: { image_tokens: 40, text_tokens: 10 },
      output_tokens: 272,
      total_tokens: 322,
    },
  };
  const span = spanOf(imageDescriber, request, answer);
  assert.deepEqual([span.name, span.type], ["generate_content gpt-image-1", "generation"]);
  assert.deepEqual(span.patch, {
    input: [user(text("A cat"))],
    output: [
      {
        role: "assistant",
        parts: [
          { type: "blob", modality: "image", mime_type: "image/png", bytes: 3000 },
          { type: "uri", modality: "image", uri: "https://example.com/cat.png", revised_prompt: "A nice cat" },
        ],
      },
    ],
    usage: {
      inputTokens: 50,
      outputTokens: 272,
      totalTokens: 322,
      imageInputTokens: 40,
      textInputTokens: 10,
      imageOutputTokens: 272,
    },
    metadata: { size: "1024x1024", quality: "low", background: "opaque", output_format: "png" },
    genAi: {
      operation: "generate_content",
      provider: "openai",
      requestModel: "gpt-image-1",
      outputType: "image",
      parameters: { n: 2, size: "1024x1024", quality: "low" },
    },
  });
});

test("images: details of the output are taken as they are; edits name what they start from; dall-e has no usage", () => {
  const details = { image_tokens: 200, text_tokens: 72 };
  const usage = { input_tokens: 1, output_tokens: 272, output_tokens_details: details };
  assert.equal((spanOf(imageDescriber, {}, { data: [], usage }).patch.usage as any).imageOutputTokens, 200);
  const images = [{ file_id: "file-1" }, { image_url: "https://example.com/a.png" }, "https://example.com/b.png"];
  const edit = imageDescriber.request({ prompt: "Add a hat", images }, "openai");
  assert.deepEqual(edit.patch.input, [
    user(
      text("Add a hat"),
      { type: "file", modality: "image", file_id: "file-1" },
      { type: "uri", modality: "image", uri: "https://example.com/a.png" },
      { type: "uri", modality: "image", uri: "https://example.com/b.png" },
    ),
  ]);
  const form = spanOf(imageDescriber, undefined, { created: T0, data: [{ url: "https://example.com/c.png" }] });
  assert.deepEqual([form.name, form.patch.usage, form.patch.input], ["generate_content", undefined, undefined]);
});

test("speech: the text that is read", () => {
  const request = { model: "gpt-4o-mini-tts", input: "Hello", voice: "alloy", instructions: "Whisper.", speed: 1.5 };
  const span = spanOf(speechDescriber, request, undefined);
  assert.deepEqual([span.name, span.type], ["text_to_speech gpt-4o-mini-tts", "generation"]);
  assert.deepEqual(span.patch, {
    input: [user(text("Hello"))],
    genAi: {
      provider: "openai",
      requestModel: "gpt-4o-mini-tts",
      outputType: "speech",
      systemInstructions: [text("Whisper.")],
      parameters: { voice: "alloy", speed: 1.5 },
    },
  });
  const usage = { input_tokens: 14, output_tokens: 101, total_tokens: 115 };
  const streamed = spanOf(speechDescriber, request, { usage }).patch.usage;
  assert.deepEqual(streamed, { inputTokens: 14, outputTokens: 101, totalTokens: 115 });
});

test("transcription: the text that was heard, paid for by tokens", () => {
  const usage = {
    type: "tokens",
    input_tokens: 14,
    input_token_details: { text_tokens: 4, audio_tokens: 10 },
    output_tokens: 101,
    total_tokens: 115,
  };
  const span = spanOf(transcriptionDescriber, { model: "gpt-4o-transcribe", language: "en" }, { text: "Hi", usage });
  assert.equal(span.name, "transcription gpt-4o-transcribe");
  assert.deepEqual(span.patch.output, [{ role: "assistant", parts: [text("Hi")] }]);
  assert.deepEqual(span.patch.usage, {
    inputTokens: 14,
    outputTokens: 101,
    totalTokens: 115,
    textInputTokens: 4,
    audioInputTokens: 10,
  });
  assert.deepEqual(span.patch.genAi?.parameters, { language: "en" });
});

test("transcription paid for by its length: seconds are no tokens", () => {
  const verbose = { task: "transcribe", language: "english", duration: 8.47, text: "Hi", segments: [], words: [] };
  const usage = { type: "duration", seconds: 9 };
  const span = spanOf(transcriptionDescriber, { model: "whisper-1" }, { ...verbose, usage });
  assert.deepEqual(span.patch.usage, { extra: { seconds: 9 } });
  assert.deepEqual(span.patch.metadata, { language: "english", duration: 8.47 });
  assert.deepEqual(normalizeUsage(usage), { extra: { seconds: 9 } });
  assert.equal(spanOf(transcriptionDescriber, {}, verbose).patch.usage, undefined);
});

test("transcription as plain text", () => {
  const span = spanOf(transcriptionDescriber, undefined, "1\n00:00:00,000 --> 00:00:01,000\nHi");
  assert.match(JSON.stringify(span.patch.output), /-->/);
});

test("moderation: whether each input is flagged, and in which categories", () => {
  const quiet = { flagged: false, categories: { hate: false, violence: false }, category_scores: { hate: 0.01 } };
  const loud = {
    flagged: true,
    categories: { hate: false, violence: true, "self-harm": true, illicit: null },
    category_scores: { hate: 0.1, violence: 0.98 },
    category_applied_input_types: { violence: ["text"] },
  };
  const request = { model: "omni-moderation-latest", input: ["Hello", "Fight!"] };
  const answer = { id: "modr-1", model: "omni-moderation-2024-09-26", results: [quiet, loud] };
  const span = spanOf(moderationDescriber, request, answer);
  assert.deepEqual([span.name, span.type, span.key], ["moderation omni-moderation-latest", "guardrail", ["modr-1"]]);
  assert.deepEqual(span.patch, {
    input: [user(text("Hello")), user(text("Fight!"))],
    output: [
      { flagged: false, categories: {} },
      { flagged: true, categories: { violence: 0.98, "self-harm": null } },
    ],
    genAi: {
      provider: "openai",
      requestModel: "omni-moderation-latest",
      responseModel: "omni-moderation-2024-09-26",
      responseId: "modr-1",
    },
  });
  const url = "https://example.com/a.png";
  const parts = [
    { type: "text", text: "Hello" },
    { type: "image_url", image_url: { url } },
  ];
  assert.deepEqual(moderationDescriber.request({ input: parts }, "openai").patch.input, [
    user(text("Hello"), { type: "uri", modality: "image", uri: url }),
  ]);
});
