/** The value under `key`, if it is a data property somewhere on the prototype chain. Accessors are never invoked. */
export function inheritedOf(target: object, key: PropertyKey): unknown {
  for (let holder: object | null = target; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    if (descriptor !== undefined) return descriptor.value;
  }
  return undefined;
}

/** `inheritedOf` where it is a method. */
export function methodOf(target: object, key: PropertyKey): ((...args: any[]) => any) | undefined {
  const value = inheritedOf(target, key);
  return typeof value === "function" ? (value as (...args: any[]) => any) : undefined;
}

/** The value under an own data property; accessors are never invoked. */
export function dataOf(target: unknown, key: PropertyKey): unknown {
  if (typeof target !== "object" || target === null) return undefined;
  return Object.getOwnPropertyDescriptor(target, key)?.value;
}

/**
 * Gives `target` an own method in place of `original`: it looks like it, enumeration does not show it, and called on any
 * other object it is the original. False when the object does not let us.
 */
export function patch(
  target: object,
  key: PropertyKey,
  original: Function,
  replacement: (this: any, ...args: any[]) => unknown,
): boolean {
  const method = {
    method(this: unknown, ...args: unknown[]): unknown {
      return Reflect.apply(this === target ? replacement : original, this, args);
    },
  }.method;
  for (const name of ["name", "length"]) {
    const descriptor = Object.getOwnPropertyDescriptor(original, name);
    if (descriptor !== undefined) Object.defineProperty(method, name, descriptor);
  }
  const enumerable = Object.getOwnPropertyDescriptor(target, key)?.enumerable ?? false;
  return Reflect.defineProperty(target, key, { value: method, writable: true, configurable: true, enumerable });
}

/**
 * Gives `to` the own properties of `from` that it does not have: what the host put there, such as `p.cancel`. Node 20 keeps
 * async-hook state in own symbols of a promise, which a new promise has already. Returns `to`.
 */
export function copyOwn<T extends object>(from: T, to: T): T {
  for (const key of Reflect.ownKeys(from)) {
    if (!Object.hasOwn(to, key))
      Object.defineProperty(to, key, Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor);
  }
  return to;
}
