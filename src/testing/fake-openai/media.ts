import { badRequest, type Reply, type Routes, type SentEvent, type Wire, type World } from "./http.ts";
import { pieces, tokens } from "./text.ts";

/** One pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/** What a square image of medium quality costs in output tokens. */
const IMAGE_TOKENS = 1056;
/** An MP3 frame has its sync word, and nothing after it that plays. */
const MP3 = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x00]), Buffer.alloc(1024)]);
const TRANSCRIPT = "The quick brown fox jumps over the lazy dog.";

/** Images, speech and transcriptions. */
export function mediaRoutes(world: World): Routes {
  return {
    "POST /images/generations": ({ body }) => images(world, body),
    "POST /images/edits": ({ body }) => images(world, body),
    "POST /audio/speech": ({ body }) => speech(body),
    "POST /audio/transcriptions": ({ body }) => transcription(body),
    "POST /audio/translations": ({ body }) => transcription(body),
  };
}

/** Models from before gpt-image-1 give addresses, and no usage. */
function images(world: World, body: Wire): Reply {
  if (body.prompt === undefined) throw badRequest("Missing required parameter: 'prompt'.");
  const isOld = String(body.model ?? "dall-e-2").startsWith("dall-e");
  const byAddress = isOld && body.response_format !== "b64_json";
  const data = Array.from({ length: Number(body.n ?? 1) }, () =>
    byAddress ? { url: `https://images.example/${world.id("img-")}.png` } : { b64_json: PNG },
  );
  const created = world.now();
  if (isOld) return { json: { created, data } };
  const [text_tokens, output_tokens] = [tokens(body.prompt), IMAGE_TOKENS * data.length];
  const usage = {
    input_tokens: text_tokens,
    input_tokens_details: { text_tokens, image_tokens: 0 },
    output_tokens,
    total_tokens: text_tokens + output_tokens,
  };
  const { background = "opaque", output_format = "png", quality = "medium", size = "1024x1024" } = body;
  const settings = { background, output_format, quality, size };
  if (String(body.stream) !== "true") return { json: { created, ...settings, data, usage } };
  const done = { type: "image_generation.completed", b64_json: PNG, created_at: created, ...settings, usage };
  return { events: [{ event: done.type, data: done }] };
}

function speech(body: Wire): Reply {
  if (body.input === undefined) throw badRequest("Missing required parameter: 'input'.");
  if (body.stream_format !== "sse") return { bytes: MP3, contentType: "audio/mpeg" };
  const [input_tokens, output_tokens] = [tokens(body.input), tokens(body.input) * 5];
  const usage = { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens };
  const events = [
    { type: "speech.audio.delta", audio: MP3.toString("base64") },
    { type: "speech.audio.done", usage },
  ];
  return { events: events.map((data) => ({ event: data.type, data })) };
}

function transcription(body: Wire): Reply {
  if (body.file === undefined) throw badRequest("Missing required parameter: 'file'.");
  const text = TRANSCRIPT;
  if (body.response_format === "text") return { bytes: Buffer.from(`${text}\n`), contentType: "text/plain" };
  // whisper-1 is paid by the second, the models after it by the token.
  if (body.model === "whisper-1") {
    const usage = { type: "duration", seconds: 3 };
    const verbose = { task: "transcribe", language: "english", duration: 2.8, segments: [] };
    return { json: { ...(body.response_format === "verbose_json" && verbose), text, usage } };
  }
  const [audio_tokens, text_tokens, output_tokens] = [30, tokens(body.prompt), tokens(text)];
  const input_tokens = audio_tokens + text_tokens;
  const total_tokens = input_tokens + output_tokens;
  const input_token_details = { audio_tokens, text_tokens };
  const usage = { type: "tokens", input_tokens, input_token_details, output_tokens, total_tokens };
  if (body.stream !== "true") return { json: { text, usage } };
  const events: Wire[] = pieces(text).map((delta) => ({ type: "transcript.text.delta", delta }));
  events.push({ type: "transcript.text.done", text, usage });
  return { events: events.map((data): SentEvent => ({ event: data.type, data })) };
}
