/** One traced program with a secret in every place where programs have them. */
import {
  event,
  generation,
  observe,
  type Span,
  score,
  startSpan,
  updateSpan,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import type { Planted } from "../../capture/corpus.ts";

/** What a Node error of an HTTP client carries. */
class HttpError extends Error {
  readonly config: unknown;

  constructor(message: string, config: unknown, options: ErrorOptions) {
    super(message, options);
    this.config = config;
  }
}

type Place = (planted: Planted, show: (value: unknown) => void) => void;

const nothing = (): void => {};

/** Runs what throws on purpose. */
function quietly(fn: () => void): void {
  try {
    fn();
  } catch {
    // The host's own error.
  }
}

/** The secret alone, under a name that says what it is. */
const named = (secret: string): Record<string, unknown> => ({
  password: secret,
  headers: { Authorization: secret, "x-api-key": [secret], Cookie: `sid=${secret}` },
  list: [
    ["Authorization", `Opaque ${secret}1`],
    ["cookie", `sid=${secret}`],
  ],
  rawHeaders: ["Host", "h.example", "Authorization", `Opaque ${secret}1`, "Cookie", `sid=${secret}`],
  map: new Map<string, unknown>([
    ["authorization", secret],
    ["api_key", { nested: secret }],
  ]),
  real: new Headers({ accept: "a/b" }),
  entries: Object.entries({ user: "bob", client_secret: secret }),
});

const PLACES_OF: readonly Place[] = [
  // Arguments, results, `this`.
  ({ text }) => observe({ name: "argument" }, (value: string) => value.length)(text),
  ({ text }) => observe({ name: "result" }, () => ({ deep: [{ er: text }] }))(),
  ({ secret }) => observe({ name: "headers" }, (options: unknown) => options)(named(secret)),
  ({ text }) => withSpan("JSON in JSON", { input: JSON.stringify({ body: JSON.stringify({ text }) }) }, nothing),
  ({ text }) =>
    withSpan("JSON three times", { input: JSON.stringify([JSON.stringify([JSON.stringify([text])])]) }, nothing),
  ({ secret }) =>
    withSpan("JSON of names", { input: JSON.stringify({ body: JSON.stringify(plain(secret)) }) }, nothing),
  ({ text }) => withSpan("bytes and sets", { input: [new Set([text]), new Map([[text, 1]]), { [text]: 1 }] }, nothing),
  // Addresses.
  ({ secret }) => withSpan("url", { input: `https://h.example/p?api_key=${encodeURIComponent(secret)}&v=1` }, nothing),
  ({ secret }) => withSpan("userinfo", { input: `https://u:${encodeURIComponent(secret)}@h.example/p` }, nothing),
  ({ secret }) => {
    const url = new URL("https://h.example/p");
    url.password = secret.slice(0, 200);
    url.searchParams.set("token", secret);
    withSpan("URL", { input: url, metadata: { href: url.href } }, nothing);
  },
  // Errors.
  ({ text, secret }) =>
    quietly(() =>
      withSpan("error", () => {
        const cause = new Error(`cause ${text}`, { cause: text });
        throw new HttpError(`failed with ${text}`, named(secret), { cause });
      }),
    ),
  ({ text }) =>
    quietly(() =>
      withSpan("thrown text", () => {
        throw text;
      }),
    ),
  ({ text }) => withSpan("error as data", { output: new AggregateError([new Error(text)], text) }, nothing),
  ({ text }) => withSpan("status", { level: "ERROR", statusMessage: text }, nothing),
  // Names and the trace.
  ({ text }) => withSpan(`name ${text}`, nothing),
  ({ text }) =>
    updateTrace({ name: text, sessionId: text, tags: [text], feature: text, team: text, metadata: { text } }),
  ({ text }) => updateTrace({ userId: text }),
  ({ text }) =>
    withContext(
      {
        traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
        tracestate: `v=${text}`,
        baggage: `k=${encodeURIComponent(text)},userId=${text}`,
      },
      () => withSpan("remote", nothing),
    ),
  // Metadata, attributes, events, scores.
  ({ text, secret }) =>
    withSpan("metadata", { metadata: { text, ...named(secret) }, attributes: { "a.b": text } }, nothing),
  ({ text, secret }) => event(`event ${text}`, { input: text, metadata: plain(secret) }),
  ({ text }) => score({ name: `s ${text}`, value: text, comment: text, metadata: { text } }),
  ({ text }) => withSpan("late", () => updateSpan({ output: text, name: `late ${text}` })),
  // Models and tools.
  ({ text, secret }) =>
    generation({
      model: "gpt-4.1",
      modelParameters: { user: text, max_tokens: 12 },
      input: [{ role: "user", content: [{ type: "text", text }] }],
      output: {
        tool_calls: [
          { type: "function", function: { name: "login", arguments: JSON.stringify({ text, ...plain(secret) }) } },
        ],
      },
    }),
  ({ text }) => withSpan("tool", { type: "tool", input: { arguments: JSON.stringify({ q: text }) } }, nothing),
  // Objects of ours, as a program logs them.
  ({ text }, show) => {
    const span: Span = startSpan(`logged ${text}`, { input: text, metadata: { text } });
    show(span);
    span.end({ output: text });
    show(span);
  },
];

/** What of `named` JSON can write. */
function plain(secret: string): Record<string, unknown> {
  const { map: _, real: __, ...rest } = named(secret);
  return rest;
}

export const PLACES: number = PLACES_OF.length;

/** One trace with the secret in all places; returns in how many. */
export function run(planted: Planted, show: (value: unknown) => void): number {
  let places = 0;
  withTrace({ feature: "secrets" }, () =>
    withSpan("program", { parent: null }, () => {
      for (const place of PLACES_OF) {
        place(planted, show);
        places++;
      }
    }),
  );
  return places;
}
