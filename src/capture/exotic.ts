/** Questions about objects that run none of their code: no getter, no proxy trap, no overridden method. */
import * as types from "node:util/types";

/** Prototype chains are a few long; one that is longer was made to be. */
const MAX_HOPS = 64;

/** The value that `object[key]` would give, but undefined where an accessor or a proxy would have to be asked. */
export function lookup(object: object, key: PropertyKey): unknown {
  let holder: object | null = object;
  for (let hops = 0; holder !== null && hops < MAX_HOPS && !types.isProxy(holder); hops++) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    if (descriptor !== undefined) return descriptor.value;
    holder = Object.getPrototypeOf(holder);
  }
  return undefined;
}

/** The value of an own property; accessors are named, never run. */
export function own(source: object, key: PropertyKey): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(source, key);
  if (descriptor === undefined) return undefined;
  return descriptor.value === undefined && descriptor.get !== undefined ? "[Getter]" : descriptor.value;
}

const lookupGetter: (this: object, key: PropertyKey) => unknown = (Object.prototype as any).__lookupGetter__;

/**
 * The same for the element of an array right above `Array.prototype`, at a third of the cost: V8 makes descriptors of
 * elements slowly, and on this chain there is no proxy that the cheaper question could reach.
 */
export function element(source: readonly unknown[], index: number): unknown {
  return lookupGetter.call(source, index) === undefined ? source[index] : "[Getter]";
}

export function isError(object: object): boolean {
  if (types.isNativeError(object)) return true;
  let holder: object | null = object;
  for (let hops = 0; holder !== null && hops < MAX_HOPS && !types.isProxy(holder); hops++) {
    if (holder === Error.prototype) return true;
    holder = Object.getPrototypeOf(holder);
  }
  return false;
}

/** The name of a function, or of the class that an object says it is of. */
export function nameOf(value: object): string {
  const named = typeof value === "function" ? value : lookup(value, "constructor");
  const name = typeof named === "function" ? lookup(named, "name") : undefined;
  return typeof name === "string" && name !== "" ? name : "anonymous";
}

/** An instance of a global class that Node loads on first use; the class is touched only when the object bears its name. */
function isGlobal(object: object, name: "Blob" | "File" | "DOMException"): boolean {
  return lookup(object, Symbol.toStringTag) === name && object instanceof globalThis[name];
}

export function isDomException(object: object): object is DOMException {
  return isGlobal(object, "DOMException");
}

function getter(prototype: object, key: string): (this: unknown) => any {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}
const typedArrayLength = getter(Object.getPrototypeOf(Uint8Array.prototype), "byteLength");
const dataViewLength = getter(DataView.prototype, "byteLength");
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
const sharedLength = getter(SharedArrayBuffer.prototype, "byteLength");
const mapSize = getter(Map.prototype, "size");
const setSize = getter(Set.prototype, "size");
const source = getter(RegExp.prototype, "source");
const flags = getter(RegExp.prototype, "flags");

export function sizeOf(object: object): number {
  return (types.isMap(object) ? mapSize : setSize).call(object);
}

/** The size of what holds bytes: buffers, views of them, blobs. Undefined for everything else. */
export function bytesOf(object: object): number | undefined {
  if (types.isTypedArray(object)) return typedArrayLength.call(object);
  if (types.isAnyArrayBuffer(object)) {
    return (types.isSharedArrayBuffer(object) ? sharedLength : bufferLength).call(object);
  }
  if (types.isDataView(object)) return dataViewLength.call(object);
  return isGlobal(object, "Blob") || isGlobal(object, "File") ? (object as Blob).size : undefined;
}

/** The primitive that an object stands for. Undefined for everything that has contents of its own. */
export function primitiveOf(object: object): unknown {
  if (types.isDate(object)) {
    return Number.isNaN(Date.prototype.getTime.call(object))
      ? "[Invalid Date]"
      : Date.prototype.toISOString.call(object);
  }
  if (types.isRegExp(object)) return `/${source.call(object)}/${flags.call(object)}`;
  if (types.isPromise(object)) return "[Promise]";
  if (types.isStringObject(object)) return String.prototype.valueOf.call(object);
  if (types.isNumberObject(object)) return Number.prototype.valueOf.call(object);
  if (types.isBooleanObject(object)) return Boolean.prototype.valueOf.call(object);
  if (types.isBigIntObject(object)) return BigInt.prototype.valueOf.call(object);
  if (types.isSymbolObject(object)) return Symbol.prototype.valueOf.call(object);
  return undefined;
}

/** `[IncomingMessage]`, `[WeakMap]`, `[ReadableStream]`: objects that show nothing of their own, or only machinery. */
export function placeholderOf(object: object): string | undefined {
  if (typeof lookup(object, "pipe") === "function" && typeof lookup(object, "on") === "function") {
    return `[${nameOf(object)}]`;
  }
  const tag = lookup(object, Symbol.toStringTag);
  return typeof tag === "string" && Object.keys(object).length === 0 ? `[${tag}]` : undefined;
}
