import { ConfigError } from "../../core/errors.ts";
import type { TracePatch } from "../../observe/trace.ts";

/** How requests to a server are traced. `Request` is what the framework calls one. What a callback throws is ignored. */
export interface RequestOptions<Request> {
  /** `false`: the caller's trace is continued, and no span is recorded. Default: true. */
  span?: boolean;
  /** Requests that leave no trace at all, such as health checks: nothing that they call is recorded either. */
  ignore?: (request: Request) => boolean;
  /** Attributes of the trace, read as the request arrives: user, session, tags. */
  trace?: (request: Request) => TracePatch | undefined;
  /** The span's name, asked when the response has been sent. Default: method and route, such as `GET /users/:id`. */
  name?: (request: Request) => string | undefined;
  /** Headers of request and response that are recorded. Default: none. */
  headers?: readonly string[];
}

/** What an option must be, in a function and in words. */
export type Checks<Options> = {
  readonly [K in keyof Options]-?: readonly [isRight: (value: unknown) => boolean, wanted: string];
};

export const isBoolean = (value: unknown): boolean => typeof value === "boolean";
export const isFunction = (value: unknown): boolean => typeof value === "function";

const CHECKS: Checks<RequestOptions<never>> = {
  span: [isBoolean, "true or false"],
  ignore: [isFunction, "a function from the request to true or false"],
  trace: [isFunction, "a function from the request to attributes of its trace"],
  name: [isFunction, "a function from the request to a name"],
  headers: [
    (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
    "an array of header names",
  ],
};

/** Throws a `ConfigError` for options of requests that do not exist or make no sense. */
export function checkRequestOptions(factory: string, options: RequestOptions<never>): void {
  checkOptions(factory, options, CHECKS);
}

/** Throws a `ConfigError` for an option that does not exist or has a value that it does not take. */
export function checkOptions<Options extends object>(factory: string, options: Options, checks: Checks<Options>): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError("CONFIG_BAD_VALUE", `${factory}() takes an object of options; it got ${typeof options}.`);
  }
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) {
      const known = Object.keys(checks).join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `${factory}() has no option "${key}". It takes: ${known}.`);
    }
    const [isRight, wanted] = checks[key as keyof Options];
    if (value !== undefined && !isRight(value)) {
      throw new ConfigError("CONFIG_BAD_VALUE", `${factory}({ ${key} }) takes ${wanted}; it got ${typeof value}.`);
    }
  }
}
