import { isErrored } from "node:stream";
import { guard } from "../../core/guard.ts";
import { watchAbandoned } from "./abandoned.ts";
import type { BodyWatch } from "./body-watch.ts";
import { tapNodeBody } from "./node-tap.ts";

/**
 * The same response to its caller, with a body that tells `watch` what is read of it; `undefined` when it cannot be made.
 * Nothing is read ahead: every read of the caller's is one of the original, a cancellation goes there with its reason, and
 * an error comes from there as it is.
 */
export function tapResponse<R extends Response>(response: R, watch: BodyWatch): R | undefined {
  const body: unknown = response.body;
  if (body instanceof ReadableStream) return body.locked ? undefined : tapWebResponse(response, body, watch);
  if (!isNodeStream(body)) return undefined;
  tapNodeBody(body, watch);
  watchAbandoned(body, watch);
  return response;
}

function isNodeStream(body: unknown): body is NodeJS.ReadableStream {
  return typeof (body as { pipe?: unknown } | null)?.pipe === "function";
}

/** `undefined` where a method of the original's own reads the body: it would find it locked. */
function tapWebResponse<R extends Response>(response: R, body: ReadableStream, watch: BodyWatch): R | undefined {
  if (READERS.some((name) => Object.hasOwn(response, name))) return undefined;
  const { status, statusText, headers } = response;
  const Same = response.constructor as typeof Response;
  const { stream, start, failed } = tapWebBody(body, watch);
  // Servers may send what no constructor takes.
  const head = { status, headers, ...(PLAIN.test(statusText) && { statusText }) };
  const tapped = sameFace(response, new Same(stream, head) as R, headers);
  takeOwn(response, tapped);
  failAlike(response, tapped, failed);
  // Only now: an answer that cannot be made again goes on as it is.
  start();
  watchAbandoned(stream, watch);
  return tapped;
}

const READERS = ["body", "bodyUsed", "clone", "text", "json", "arrayBuffer", "blob", "bytes", "formData"] as const;
const PLAIN = /^[\t\x20-\x7e]*$/;

function define(response: Response, name: string, value: unknown): void {
  Object.defineProperty(response, name, { value, configurable: true, writable: true });
}

/** What a constructor cannot be told. Own properties, also on clones. */
function sameFace<R extends Response>(original: R, tapped: R, headers: Headers): R {
  define(tapped, "url", original.url);
  define(tapped, "redirected", original.redirected);
  define(tapped, "type", original.type);
  if (tapped.statusText !== original.statusText) define(tapped, "statusText", original.statusText);
  // Those of an answer cannot be changed; copies could.
  define(tapped, "headers", headers);
  const { clone } = tapped;
  define(tapped, "clone", function (this: R) {
    return sameFace(this, Reflect.apply(clone, this, []) as R, ownHeaders(this.headers));
  });
  return tapped;
}

/** The headers of a clone: a copy, unless nobody can change them. */
function ownHeaders(headers: Headers): Headers {
  try {
    // Refused for a name that is not there, too.
    headers.delete("x-not-a-header-of-anybody");
  } catch {
    // The answer, and no fault.
    return headers;
  }
  return new (headers.constructor as new (init: Headers) => Headers)(headers);
}

/** What the inner `fetch` has put on its response: `fromCache`, timings. */
function takeOwn(response: Response, tapped: Response): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(response))) {
    if (FACE.has(name)) continue;
    guard(() => Object.defineProperty(tapped, name, property), undefined);
  }
}

/** Set by `sameFace`. */
const FACE: ReadonlySet<string> = new Set(["url", "redirected", "type", "headers", "statusText"]);

/** What has failed before it was read fails with the original's words, which are not always those of its body. */
function failAlike(response: Response, tapped: Response, failed: () => boolean): void {
  for (const name of READERS) {
    const read: unknown = Reflect.get(tapped, name);
    if (typeof read !== "function" || name === "clone") continue;
    define(tapped, name, function (this: unknown, ...args: unknown[]): unknown {
      if (this !== tapped || !failed()) return Reflect.apply(read, this, args);
      Object.defineProperty(tapped, "bodyUsed", { get: () => response.bodyUsed, configurable: true });
      return Reflect.apply(read, response, args);
    });
  }
}

type Controller = ReadableStreamDefaultController<any> & { readonly byobRequest?: ReadableStreamBYOBRequest | null };

function tapWebBody(
  body: ReadableStream,
  watch: BodyWatch,
): { stream: ReadableStream; start: () => void; failed: () => boolean } {
  let reader: ReadableStreamDefaultReader;
  /** The original, which the connection holds, must not hold what its reader has left. */
  let outer: WeakRef<Controller> | undefined;
  let isAsked = false;
  const source = {
    start(controller: Controller) {
      outer = new WeakRef(controller);
    },
    pull(controller: Controller) {
      if (!isAsked) watch.asked();
      isAsked = true;
      return reader.read().then(
        ({ done, value }) => {
          if (!done) return pass(controller, value, watch);
          controller.close();
          // A reader that brought its own buffer gets it back.
          controller.byobRequest?.respond(0);
          watch.end();
        },
        (error: unknown) => {
          watch.error(error);
          throw error;
        },
      );
    },
    cancel(reason: unknown) {
      watch.cancel();
      return reader.cancel(reason);
    },
  };
  const stream = takesBuffers(body)
    ? new ReadableStream({ ...source, type: "bytes" } as UnderlyingByteSource, { highWaterMark: 0 })
    : new ReadableStream(source, { highWaterMark: 0 });
  const start = (): void => {
    reader = body.getReader();
    // An abort is known at once, not at the next read.
    reader.closed.then(undefined, (error: unknown) => {
      watch.error(error);
      outer?.deref()?.error(error);
    });
  };
  const failed = (): boolean => {
    if (isAsked || !isErrored(body as unknown as NodeJS.ReadableStream)) return false;
    reader.releaseLock();
    return true;
  };
  return { stream, start, failed };
}

function pass(controller: Controller, value: unknown, watch: BodyWatch): void {
  if (!(value instanceof Uint8Array)) {
    controller.enqueue(value);
    watch.chunk(0, undefined);
    return;
  }
  const size = value.byteLength;
  // A stream of bytes takes them away, so they are copied before.
  const copy = watch.reads ? Buffer.from(value) : undefined;
  controller.enqueue(value);
  watch.chunk(size, copy);
}

/** Whether a reader may bring its own buffer, as with the bodies of Node's `fetch`. */
function takesBuffers(body: ReadableStream): boolean {
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    // The answer, and no fault.
    return false;
  }
}
