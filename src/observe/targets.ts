import type { CallSite } from "../core/call-site.ts";
import { ObserveError } from "../core/errors.ts";
import type { DynamicOptions, ObserveOptions } from "./options.ts";
import { isClass, isObserved, wrap } from "./wrap.ts";

/** What a decoration was given, whichever protocol applies it. */
export interface Decoration {
  readonly options: ObserveOptions;
  readonly dynamic: DynamicOptions | undefined;
  readonly declared: CallSite;
}

/** The second argument of a TC39 decorator. */
export interface DecoratorContext {
  readonly kind: "class" | "method" | "getter" | "setter" | "field" | "accessor";
  readonly name: string | symbol | undefined;
  readonly static?: boolean;
  readonly private?: boolean;
  addInitializer(initializer: (this: any) => void): void;
}

export function isDecoratorContext(value: unknown): value is DecoratorContext {
  if (typeof value !== "object" || value === null) return false;
  const { kind, addInitializer } = value as Partial<DecoratorContext>;
  return typeof kind === "string" && typeof addInitializer === "function" && "name" in value;
}

/** Applies `@observe` by the TC39 protocol (TypeScript 5 and later without `experimentalDecorators`). */
export function decorateTc39(decoration: Decoration, value: any, context: DecoratorContext): unknown {
  const member = memberName(context.name ?? "");
  if (context.kind === "class") return observeClass(decoration, value);
  const named = (prefix = "") => nameFromThis(context, prefix);
  switch (context.kind) {
    case "method":
      return wrapAs(decoration, value, named());
    case "getter":
      return wrapAs(decoration, value, named("get "));
    case "setter":
      return wrapAs(decoration, value, named("set "));
    case "accessor":
      return {
        get: wrapAs(decoration, value.get, named("get ")),
        set: wrapAs(decoration, value.set, named("set ")),
      };
    case "field":
      return function (this: unknown, initial: unknown) {
        if (typeof initial !== "function") {
          throw unsuitable(`${ownerName(this)}.${member}`, `is a field that holds ${kindOf(initial)}, not a function`);
        }
        return wrapAs(decoration, initial, () => `${ownerName(this)}.${member}`);
      };
    default:
      throw unsuitable(member, `is a ${context.kind}`);
  }
}

/** Applies `@observe` by the legacy protocol (`experimentalDecorators`). `target` is the prototype, or the class for statics. */
export function decorateLegacy(
  decoration: Decoration,
  target: any,
  key: string | symbol | undefined,
  descriptor: PropertyDescriptor | number | undefined,
): PropertyDescriptor {
  const owner = typeof target === "function" ? target.name : target.constructor?.name;
  const name = `${owner || "(anonymous class)"}.${memberName(key ?? "constructor")}`;
  if (typeof descriptor === "number") {
    throw unsuitable(name, `is decorated at its parameter ${descriptor}; parameters cannot be observed`);
  }
  if (descriptor === undefined) {
    throw unsuitable(
      name,
      "is a field, whose value a decorator cannot see under experimentalDecorators; make it a method, " +
        "or put @observe({ fields: true }) on the class",
    );
  }
  return wrapDescriptor(decoration, descriptor, name);
}

/** Observes the class's own methods and statics in place. With `fields: true`, its instances' function-valued fields too. */
export function observeClass(decoration: Decoration, cls: any): unknown {
  const name = cls.name || "(anonymous class)";
  observeMembers(decoration, cls.prototype, name);
  observeMembers(decoration, cls, name);
  if (decoration.options.fields !== true) return cls;
  const proxy = new Proxy(cls, {
    construct(target, args, newTarget) {
      const instance = Reflect.construct(target, args, newTarget);
      for (const key of Reflect.ownKeys(instance)) {
        const descriptor = Object.getOwnPropertyDescriptor(instance, key) as PropertyDescriptor;
        if (!isObservable(decoration, key, descriptor)) continue;
        const site = `${name}.${memberName(key)}`;
        Object.defineProperty(instance, key, wrapDescriptor(memberOptions(decoration), descriptor, site));
      }
      return instance;
    },
  });
  // An instance's `constructor` is the class that the program sees.
  const made = Object.getOwnPropertyDescriptor(cls.prototype, "constructor");
  if (made?.configurable) Object.defineProperty(cls.prototype, "constructor", { ...made, value: proxy });
  return proxy;
}

function observeMembers(decoration: Decoration, holder: object, className: string): void {
  for (const key of Reflect.ownKeys(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor;
    if (!isObservable(decoration, key, descriptor)) continue;
    const name = `${className}.${memberName(key)}`;
    Object.defineProperty(holder, key, wrapDescriptor(memberOptions(decoration), descriptor, name));
  }
}

/** Members that the language and our own capture call by themselves. */
const IMPLICIT: ReadonlySet<string | symbol> = new Set(["constructor", "toJSON", "toString", "valueOf", "then"]);

function isObservable(decoration: Decoration, key: string | symbol, descriptor: PropertyDescriptor): boolean {
  const { value, configurable } = descriptor;
  if (typeof value !== "function" || configurable !== true || isObserved(value) || isClass(value)) return false;
  if (typeof key === "symbol" && isWellKnown(key)) return false;
  return !IMPLICIT.has(key) && !decoration.options.exclude?.includes(String(key));
}

/** A class's own name and trace-level options are not those of each member. */
function memberOptions(decoration: Decoration): Decoration {
  const { name: _name, exclude: _exclude, fields: _fields, ...options } = decoration.options;
  return { ...decoration, options };
}

function wrapDescriptor(decoration: Decoration, descriptor: PropertyDescriptor, name: string): PropertyDescriptor {
  const { value, get, set } = descriptor;
  if (typeof value === "function") return { ...descriptor, value: wrapAs(decoration, value, () => name) };
  if (get === undefined && set === undefined) {
    throw unsuitable(name, `holds ${kindOf(value)}, not a function`);
  }
  const accessorName = (prefix: string) => () => name.replace(/\.([^.]*)$/, `.${prefix} $1`);
  return {
    ...descriptor,
    ...(get && { get: wrapAs(decoration, get as Function, accessorName("get")) as () => unknown }),
    ...(set && { set: wrapAs(decoration, set as Function, accessorName("set")) as (value: unknown) => void }),
  };
}

function wrapAs(decoration: Decoration, fn: Function, name: (self: unknown) => string): Function {
  return wrap(fn, { ...decoration, name });
}

/** A TC39 member learns its class from the first receiver that has it: from the prototype that holds it. */
function nameFromThis(context: DecoratorContext, prefix: string): (self: unknown) => string {
  const member = prefix + memberName(context.name ?? "");
  let name: string | undefined;
  return (self) => {
    if (name !== undefined) return name;
    const holder = context.private ? undefined : holderOf(self, context.name ?? "");
    if (holder !== undefined) name = `${ownerName(holder)}.${member}`;
    return name ?? `${ownerName(self)}.${member}`;
  };
}

/** The deepest object of the prototype chain that has the member: a subclass that calls `super` is met before it. */
function holderOf(self: unknown, key: PropertyKey): object | undefined {
  let found: object | undefined;
  let holder = (typeof self === "object" || typeof self === "function") && self !== null ? self : null;
  for (; holder !== null; holder = Object.getPrototypeOf(holder)) if (Object.hasOwn(holder, key)) found = holder;
  return found;
}

function ownerName(owner: unknown): string {
  const cls = typeof owner === "function" ? owner : (owner as { constructor?: Function } | undefined)?.constructor;
  return cls?.name || "(anonymous class)";
}

function memberName(key: string | symbol): string {
  return typeof key === "symbol" ? `[${key.description ?? "symbol"}]` : key;
}

function isWellKnown(key: symbol): boolean {
  return Symbol.keyFor(key)?.startsWith("nodejs.") === true || (key.description ?? "").startsWith("Symbol.");
}

function kindOf(value: unknown): string {
  return value === null ? "null" : value === undefined ? "undefined" : `a ${typeof value}`;
}

export function unsuitable(name: string, why: string): ObserveError {
  return new ObserveError("OBSERVE_UNSUITABLE_TARGET", `@observe() cannot observe ${name}: it ${why}.`);
}
