import { type Checks, checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
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
