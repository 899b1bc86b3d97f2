import "reflect-metadata";
import type { Decorate } from "./target.ts";

const SYMBOL = Symbol("named");

/** Puts Reflect metadata on a method's function, as NestJS does, under either protocol. */
function mark(key: string, value: unknown): Decorate {
  return (target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
    Reflect.defineMetadata(key, value, (descriptor?.value ?? target) as object);
    return typeof context === "object" ? undefined : descriptor;
  };
}

/** Gives a method an own property, as many decorators do. */
const own: Decorate = (target: unknown, _context: unknown, descriptor?: PropertyDescriptor) => {
  Object.assign((descriptor?.value ?? target) as object, { mine: 1, [SYMBOL]: 2 });
  Object.defineProperty((descriptor?.value ?? target) as object, "hidden", { value: 3, configurable: true });
};

/** A class with one of everything, each member decorated. */
export function decoratedMembers(o: Decorate): Function {
  class Everything {
    static readonly made: string[] = [];
    field = 1;
    readonly given: unknown;
    constructor(given?: unknown) {
      this.given = given;
      Everything.made.push(new.target.name);
    }
    @o plainMethod(_a: unknown, _b: unknown): void {}
    @o optional(_a: unknown, _b = 1, ..._rest: unknown[]): void {}
    @o destructured({ a }: { a: unknown } = { a: 1 }, [b]: unknown[] = []): unknown {
      return [a, b];
    }
    @o async later(): Promise<void> {}
    @o *steps(): Generator<number> {
      yield 1;
    }
    @o async *laterSteps(): AsyncGenerator<number> {
      yield 1;
    }
    @o [SYMBOL](): void {}
    @o "a name with spaces"(): void {}
    @o 42(): void {}
    @o static of(_a: unknown): Everything {
      return new Everything(1);
    }
    @o get both(): number {
      return 1;
    }
    set both(_value: number) {}
    @o get onlyRead(): number {
      return 1;
    }
    @o set onlyWritten(_value: number) {}
    @o @mark("below", "b") markedBelow(): void {}
    @mark("above", "a") @o markedAbove(): void {}
    @mark("above", "a") @o @mark("below", { deep: true }) markedTwice(): void {}
    @o @own withProperties(): void {}
    @o @own static staticWithProperties(): void {}
    @o @o observedTwice(): void {}
    overloaded(a: string): string;
    overloaded(a: number): number;
    @o overloaded(a: unknown): unknown {
      return a;
    }
  }
  return Everything;
}

/** The same, decorated as a whole. */
export function decoratedClass(o: Decorate): Function {
  @o
  class Everything {
    static readonly made: string[] = [];
    static total = 0;
    #secret = 1;
    field = (): number => this.#secret;
    readonly given: unknown;
    constructor(given?: unknown) {
      this.given = given;
      Everything.made.push(new.target.name);
    }
    plainMethod(_a: unknown, _b: unknown): void {}
    async later(): Promise<void> {}
    *steps(): Generator<number> {
      yield 1;
    }
    [SYMBOL](): void {}
    get both(): number {
      return this.#secret;
    }
    set both(value: number) {
      this.#secret = value;
    }
    toJSON(): object {
      return { secret: this.#secret };
    }
    *[Symbol.iterator](): Generator<number> {
      yield 1;
    }
    static of(given: unknown): Everything {
      Everything.total++;
      return new this(given);
    }
    static count(): number {
      return Everything.total;
    }
    static Nested = class Nested {};
    static {
      Object.defineProperty(Everything, "locked", { value: () => 1 });
      Object.defineProperty(Everything.prototype, "lockedMethod", { value() {} });
    }
  }
  return Everything;
}

/** All that a program can ask a class, its prototype and their functions without calling them. */
export function describeClass(cls: Function): Record<string, unknown> {
  return { statics: describeMembers(cls), members: describeMembers(cls.prototype), self: describeFunction(cls) };
}

function describeMembers(holder: object): unknown[] {
  return Reflect.ownKeys(holder).map((key) => {
    const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor;
    const functions = [value, get, set].map((fn) => (typeof fn === "function" ? describeFunction(fn) : typeof fn));
    const metadata = Reflect.getMetadataKeys(holder, key as string);
    return { key, flags, functions, metadata };
  });
}

/** All that a program can ask a function, but for its source text. */
export function describeFunction(fn: Function): Record<string, unknown> {
  const own = Reflect.ownKeys(fn).map((key) => {
    const { value, ...rest } = Object.getOwnPropertyDescriptor(fn, key) as PropertyDescriptor;
    const shown = typeof value === "object" || typeof value === "function" ? typeof value : value;
    return [key, { ...rest, get: typeof rest.get, set: typeof rest.set, value: shown }];
  });
  return {
    kind: Object.prototype.toString.call(fn),
    prototype: Object.getPrototypeOf(fn)?.constructor?.name,
    own: Object.fromEntries(own),
    constructs: constructs(fn),
    extensible: Object.isExtensible(fn),
    enumerated: Object.keys(fn),
    metadata: Reflect.getMetadataKeys(fn).map((key) => [key, Reflect.getMetadata(key, fn)]),
  };
}

function constructs(fn: Function): boolean {
  try {
    Reflect.construct(Object, [], fn);
    return true;
  } catch {
    return false;
  }
}
