/** `@observe` by both protocols: every line here compiles with and without `experimentalDecorators`. */
import { observe } from "sightline";
import { type Equal, same } from "./equal.js";

class Tutor {
  @observe count = 0 as unknown as () => number;

  @observe()
  async answer(question: string, options?: { model: string }): Promise<string> {
    return `${question} ${options?.model}`;
  }

  @observe
  bare(a: number, b: number): number {
    return a + b;
  }

  lookup(term: string): string;
  lookup(term: number): number;
  @observe("look it up")
  lookup(term: string | number): string | number {
    return term;
  }

  @observe({ type: "tool", captureOutput: false })
  generic<T extends object>(value: T): T[] {
    return [value];
  }

  @observe((self, question) => ({ name: self.constructor.name, metadata: { length: question.length } }))
  dynamic(question: string): string {
    return question;
  }

  @observe((self: Tutor, question: string) => ({ metadata: { sum: self.bare(1, question.length) } }))
  typed(question: string): string {
    return question;
  }

  @observe() static async create(): Promise<Tutor> {
    return new Tutor();
  }

  @observe() get level(): number {
    return 1;
  }

  @observe() set mood(_value: string) {}

  @observe() *tokens(text: string): Generator<string, number, unknown> {
    for (const letter of text) yield letter;
    return text.length;
  }

  @observe() async *stream(): AsyncGenerator<string> {
    yield "a";
  }

  @observe() ["computed key"](): void {}

  @observe() [Symbol.asyncIterator](): AsyncIterator<string> {
    return this.stream();
  }

  @observe() private hidden(): boolean {
    return this.isReady();
  }

  @observe() protected isReady(this: Tutor): this is Tutor & { ready: true } {
    return true;
  }

  use(): boolean {
    return this.hidden();
  }
}

const tutor = new Tutor();
same<Equal<Tutor["answer"], (question: string, options?: { model: string }) => Promise<string>>>(true);
same<Equal<Tutor["bare"], (a: number, b: number) => number>>(true);
same<Equal<Tutor["generic"], <T extends object>(value: T) => T[]>>(true);
same<Equal<Tutor["level"], number>>(true);
same<Equal<ReturnType<Tutor["tokens"]>, Generator<string, number, unknown>>>(true);
const text: string = tutor.lookup("a");
const number: number = tutor.lookup(1);
// @ts-expect-error: overloads are kept
tutor.lookup(true);
// @ts-expect-error: so is the parameter's type
tutor.bare("1", 2);

@observe
class Bare {
  private constructor() {}
  static make(): Bare {
    return new Bare();
  }
  run(): number {
    return 1;
  }
}

@observe({ exclude: ["internal"], fields: true, type: "agent" })
class Everything<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  static of<T>(value: T): Everything<T> {
    return new Everything(value);
  }
  run = (): T => this.#value;
  internal(): void {}
}

@observe()
abstract class Base {
  abstract work(): Promise<void>;
}

class Derived extends Base {
  @observe() override async work(): Promise<void> {}
}

const ran: number = Bare.make().run();
const made: string = Everything.of("x").run();

// Beside other decorators, in both orders.
declare function Get(path: string): (...target: any[]) => any;
class Controller {
  @Get("/") @observe() above(): string {
    return "";
  }
  @observe() @Get("/") below(): string {
    return "";
  }
}

// A decorator kept in a variable.
const tool = observe({ type: "tool" });
class Kept {
  @tool run(): number {
    return 1;
  }
}

class Mistaken {
  // @ts-expect-error: no such option
  @observe({ captureInputs: false })
  misspelt(): void {}

  // @ts-expect-error: no such type
  @observe({ type: "llm" })
  mistyped(): void {}
}

export { Controller, Derived, Kept, Mistaken, made, number, ran, text };
