/** The method under `key`, if it is a data property somewhere on the prototype chain. Accessors are never invoked. */
export function methodOf(target: object, key: PropertyKey): ((...args: any[]) => any) | undefined {
  for (let holder: object | null = target; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    if (descriptor !== undefined) return typeof descriptor.value === "function" ? descriptor.value : undefined;
  }
  return undefined;
}

/** The value under an own data property; accessors are never invoked. */
export function dataOf(target: unknown, key: PropertyKey): unknown {
  if (typeof target !== "object" || target === null) return undefined;
  return Object.getOwnPropertyDescriptor(target, key)?.value;
}

/** Gives `target` an own method that enumeration does not show. False when the object does not let us. */
export function patch(target: object, key: PropertyKey, method: (this: any, ...args: any[]) => unknown): boolean {
  const enumerable = Object.getOwnPropertyDescriptor(target, key)?.enumerable ?? false;
  return Reflect.defineProperty(target, key, { value: method, writable: true, configurable: true, enumerable });
}
