/**
 * The four core workloads and the captured call. Each gives a piece of work to be timed as a whole; between two pieces
 * everything is delivered, so that the time of a piece is the caller's and the CPU of all is everybody's.
 */

/** Spans in one piece: fewer than a queue of OpenTelemetry's holds. */
const PIECE = 1_000;

/** A loop without a use is a loop that the compiler may drop. */
export const used = { value: 0 };

/** Leaves under a root that is open: the piece is the leaves alone. */
function leaf({ trace, asynchronous }, size = PIECE) {
  const step = trace("step", (n) => n + 1);
  const root = trace("root", (time, pieces) => time(pieces));
  let sum = 0;
  const piece = () => {
    for (let i = 0; i < size; i++) sum += step(i);
    used.value = sum;
  };
  const awaited = async () => {
    for (let i = 0; i < size; i++) used.value += await step(i);
  };
  return { piece: asynchronous ? awaited : piece, spans: size, root };
}

function nested({ trace }) {
  const five = trace("five", async (n) => n + 1);
  const four = trace("four", async (n) => (await five(n)) + 1);
  const three = trace("three", async (n) => (await four(n)) + 1);
  const two = trace("two", async (n) => (await three(n)) + 1);
  const one = trace("one", async (n) => (await two(n)) + 1);
  const piece = async () => {
    for (let i = 0; i < PIECE / 5; i++) used.value += await one(i);
  };
  return { piece, spans: PIECE };
}

function children({ trace }) {
  const child = trace("child", async (n) => n + 1);
  const root = trace("root", async (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await child(i);
    return sum;
  });
  const piece = async () => {
    used.value += await root(PIECE - 1);
  };
  return { piece, spans: PIECE };
}

function chain({ trace }) {
  const DEPTH = 200;
  const link = trace("link", async (n) => (n === 1 ? 0 : (await link(n - 1)) + 1));
  const piece = async () => {
    for (let i = 0; i < PIECE / DEPTH; i++) used.value += await link(DEPTH);
  };
  return { piece, spans: PIECE };
}

/** 4 KB in, 1 KB out, a secret among them; 64 different pairs, so that nothing is remembered from the last call. */
function capture({ trace, asynchronous }) {
  const SPANS = 200;
  const pairs = Array.from({ length: 64 }, (_, i) => ({ input: question(i), output: answer(i) }));
  const ask = trace("ask", (_input, i) => pairs[i & 63].output);
  const piece = () => {
    for (let i = 0; i < SPANS; i++) used.value += ask(pairs[i & 63].input, i).choices.length;
  };
  const awaited = async () => {
    for (let i = 0; i < SPANS; i++) used.value += (await ask(pairs[i & 63].input, i)).choices.length;
  };
  return { piece: asynchronous ? awaited : piece, spans: SPANS };
}

export const SECRET = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF";

const WORDS =
  "Solve the equation three x plus eleven equals fourteen and explain each step that you take to a child".split(" ");

function text(length, seed) {
  let all = "";
  for (let i = seed; all.length < length; i += 7) all += `${WORDS[i % WORDS.length]} ${i} `;
  return all.slice(0, length);
}

function question(i) {
  const messages = [600, 1_100, 900, 1_000].map((length, n) => ({
    role: n === 0 ? "system" : n % 2 ? "user" : "assistant",
    content: text(length, i * 31 + n),
  }));
  return { model: "gpt-4.1", temperature: 0.2, max_tokens: 512, user: `u-${i}`, apiKey: SECRET, messages };
}

function answer(i) {
  const message = { role: "assistant", content: text(750, i * 17), refusal: null };
  return {
    id: `chatcmpl-${i}`,
    object: "chat.completion",
    model: "gpt-4.1-2025-04-14",
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: { prompt_tokens: 900, completion_tokens: 180, total_tokens: 1_080 },
  };
}

/** Nothing is recorded, so a piece is long: what is looked for are single nanoseconds. */
function quiet(contender) {
  return leaf(contender, 20_000);
}

export const CALLS = { quiet, leaf, nested, children, chain, capture };
