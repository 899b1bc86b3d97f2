import type { CallSite } from "../core/call-site.ts";
import { ObserveError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import type { DynamicOptions, ObserveOptions } from "./options.ts";
import { copyMetadata, isClass, isObserved, wrap } from "./wrap.ts";

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
  switch (context.kind) {
    case "method":
      return wrapMember(decoration, value, context);
    case "getter":
      return wrapMember(decoration, value, context, "get ");
    case "setter":
      return wrapMember(decoration, value, context, "set ");
    case "accessor":
      return {
        get: wrapMember(decoration, value.get, context, "get "),
        set: wrapMember(decoration, value.set, context, "set "),
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
  checkExcluded(decoration.options, cls, name);
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
  // NestJS keeps what belongs to a method's parameters on the class, under the method's name.
  for (const member of [undefined, ...Reflect.ownKeys(cls.prototype), ...Reflect.ownKeys(cls)]) {
    copyMetadata(cls, proxy, member);
  }
  // An instance's `constructor` is the class that the program sees.
  const made = Object.getOwnPropertyDescriptor(cls.prototype, "constructor");
  if (made?.configurable) Object.defineProperty(cls.prototype, "constructor", { ...made, value: proxy });
  return proxy;
}

/** A slip of the pen would record what was meant to stay out. What `fields: true` adds is not known before an instance is. */
function checkExcluded({ exclude = [], fields }: ObserveOptions, cls: any, className: string): void {
  const members = [...Reflect.ownKeys(cls.prototype), ...Reflect.ownKeys(cls)].map(String);
  const unknown = exclude.find((name) => !members.includes(name) && !(name in cls.prototype) && !(name in cls));
  if (unknown === undefined || fields === true) return;
  const has = members.filter((name) => !["constructor", "length", "name", "prototype"].includes(name)).join(", ");
  const problem = `@observe({ exclude }) on ${className}: it has no member "${unknown}". It has: ${has}.`;
  throw new ObserveError("OBSERVE_UNKNOWN_MEMBER", problem);
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

/** A TC39 decorator is not told its class: the first instance, or the class itself for a static, shows it. */
function wrapMember(decoration: Decoration, fn: Function, context: DecoratorContext, prefix = ""): Function {
  const member = prefix + memberName(context.name ?? "");
  let owner: object | undefined;
  let name: string | undefined;
  const wrapper = wrapAs(decoration, fn, (self) => {
    if (owner === undefined) return `${ownerName(self)}.${member}`;
    // Not before the first call: compilers give a class its name after its initializers have run.
    return (name ??= `${ownerName(owner)}.${member}`);
  });
  context.addInitializer(function (this: object) {
    owner ??= guard(() => holderOf(this, context.name ?? "", wrapper) ?? this, undefined);
  });
  return wrapper;
}

/** The prototype that has the member: itself, or under the wrapper of another decorator. None has a `#private` one. */
function holderOf(self: object, key: PropertyKey, wrapper: Function): object | undefined {
  let deepest: object | undefined;
  for (let holder: object | null = self; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    if (descriptor === undefined) continue;
    if ([descriptor.value, descriptor.get, descriptor.set].includes(wrapper)) return holder;
    deepest = holder;
  }
  return deepest;
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

export function kindOf(value: unknown): string {
  return value === null
    ? "null"
    : value === undefined
      ? "undefined"
      : typeof value === "object"
        ? "an object"
        : `a ${typeof value}`;
}

export function unsuitable(name: string, why: string): ObserveError {
  return new ObserveError("OBSERVE_UNSUITABLE_TARGET", `@observe() cannot observe ${name}: it ${why}.`);
}
