import { ConfigError } from "./errors.ts";
import { showValue } from "./show-value.ts";

/** What an option must be, in a function and in words. */
export type Checks<Options> = {
  readonly [K in keyof Options]-?: readonly [isRight: (value: unknown) => boolean, wanted: string];
};

export const isBoolean = (value: unknown): boolean => typeof value === "boolean";
export const isFunction = (value: unknown): boolean => typeof value === "function";
export function isClock(value: unknown): boolean {
  const { epochMs, monotonicMs } = (value ?? {}) as { [name: string]: unknown };
  return isFunction(epochMs) && isFunction(monotonicMs);
}

/** Throws a `ConfigError` for an option that does not exist or has a value that it does not take. */
export function checkOptions<Options extends object>(factory: string, options: Options, checks: Checks<Options>): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError("CONFIG_BAD_VALUE", `${factory}() takes an object of options; it got ${typeof options}.`);
  }
  const prototype = Object.getPrototypeOf(options);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    // `app.use(traceRequests)`: it gets the request then.
    const got = `an object of class ${prototype.constructor?.name}`;
    const way = `where it was to be called, write ${factory}()`;
    throw new ConfigError("CONFIG_BAD_VALUE", `${factory}() takes an object of options; it got ${got}: ${way}.`);
  }
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) {
      const known = Object.keys(checks).join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `${factory}() has no option "${key}". It takes: ${known}.`);
    }
    const [isRight, wanted] = checks[key as keyof Options];
    if (value !== undefined && !isRight(value)) {
      throw new ConfigError(
        "CONFIG_BAD_VALUE",
        `${nameOf(factory, key)} takes ${wanted}; it got ${showValue(value, key)}.`,
      );
    }
  }
}

/** `metrics({ windowMs })`; of the options in an option, `metrics({ quota: { requestsPerMinute } })`. */
function nameOf(factory: string, key: string): string {
  return factory.endsWith(" })") ? `${factory.slice(0, -3)}: { ${key} } })` : `${factory}({ ${key} })`;
}
