/** The function form hands back the type it was given. */
import { observe } from "sightline";
import { type Equal, same } from "./equal.js";

// Overloads.
function parse(value: string): number;
function parse(value: number, radix: 2 | 10): string;
function parse(value: string | number): string | number {
  return value;
}
const parsed = observe(parse);
same<Equal<typeof parsed, typeof parse>>(true);
const named = observe("parse", parse);
same<Equal<typeof named, typeof parse>>(true);
// @ts-expect-error: the second overload wants its radix
parsed(1);

// Generics.
const first = observe({ type: "tool" }, <T>(items: readonly T[]): T | undefined => items[0]);
const one: number | undefined = first([1, 2]);
const letter: string | undefined = first(["a"]);
// @ts-expect-error: inference is per call
const wrong: string | undefined = first([1]);

// `this`, optional and rest parameters, own properties.
declare function welcome(this: { name: string }, mark?: string, ...rest: number[]): string;
const greet = observe(welcome);
same<Equal<typeof greet, typeof welcome>>(true);
greet.call({ name: "x" }, "?", 1, 2);
// @ts-expect-error: `this` has a name
greet.call({ title: "x" });
const counted = observe(Object.assign((n: number) => n, { calls: 0 }));
counted.calls += counted(1);

// Promises, thenables of the caller's own, generators and streams keep their exact type.
interface Query<T> extends PromiseLike<T> {
  where(condition: string): Query<T>;
}
declare const select: (table: string) => Query<number[]>;
const query: Query<number[]> = observe("select", select)("t").where("a = 1");
const pages = observe(async function* pages(limit: number): AsyncGenerator<string, number, boolean> {
  const more = yield "page";
  return more ? limit : 0;
});
same<Equal<ReturnType<typeof pages>, AsyncGenerator<string, number, boolean>>>(true);
declare const readable: () => ReadableStream<Uint8Array>;
const stream: ReadableStream<Uint8Array> = observe(readable)();

// Functions whose result looks like options.
const user = observe((id: string): { name: string; id: string } => ({ name: "n", id }));
same<Equal<ReturnType<typeof user>, { name: string; id: string }>>(true);
const fromAny = observe((text: string, flag?: boolean): any => JSON.parse(text, flag ? undefined : (_, v) => v));
fromAny("1", true).deep.inside;

// Type predicates and assertions.
const isText = observe((value: unknown): value is string => typeof value === "string");
declare const something: unknown;
if (isText(something)) something.toUpperCase();

// Options.
observe({ name: "n", type: "retriever", kind: "client", level: "DEBUG", metadata: { a: 1 } }, () => 1);
observe({ captureInput: false, captureOutput: false, root: true, attributes: { a: [1] } }, () => 1);
observe({ input: ([question]) => question, output: (answer) => answer.text }, (q: string) => ({ text: q }));
observe({ trace: { userId: "u", sessionId: "s", tags: ["a"] } }, () => 1);
observe(
  (_self, question: string) => ({ metadata: { length: question.length } }),
  (question: string) => question,
);
// @ts-expect-error: not one of the ten observation types
observe({ type: "llm" }, () => 1);
// @ts-expect-error: no such option
observe({ nmae: "n" }, () => 1);
// @ts-expect-error: not a function
observe("name", 42);
// @ts-expect-error: neither a name, options nor a function
observe(42);

export { letter, one, query, stream, wrong };
