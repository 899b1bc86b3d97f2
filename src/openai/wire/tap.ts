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

function tapWebResponse<R extends Response>(response: R, body: ReadableStream, watch: BodyWatch): R {
  const { status, statusText, headers } = response;
  const Same = response.constructor as typeof Response;
  const { stream, start } = tapWebBody(body, watch);
  const tapped = sameFace(response, new Same(stream, { status, statusText, headers }) as R);
  // Only now: an answer that cannot be made again goes on as it is.
  start();
  watchAbandoned(stream, watch);
  return tapped;
}

/** What a constructor cannot be told. Own properties, also on clones. */
function sameFace<R extends Response>(original: R, tapped: R): R {
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(tapped, name, { value, configurable: true, writable: true });
  };
  define("url", original.url);
  define("redirected", original.redirected);
  define("type", original.type);
  // Those of an answer cannot be changed; copies could.
  define("headers", original.headers);
  const { clone } = tapped;
  define("clone", function (this: R) {
    return sameFace(this, Reflect.apply(clone, this, []) as R);
  });
  return tapped;
}

type Controller = ReadableStreamDefaultController<any> & { readonly byobRequest?: ReadableStreamBYOBRequest | null };

function tapWebBody(body: ReadableStream, watch: BodyWatch): { stream: ReadableStream; start: () => void } {
  let reader: ReadableStreamDefaultReader;
  let isAsked = false;
  const source = {
    pull(controller: Controller) {
      if (!isAsked) watch.asked();
      isAsked = true;
      return reader.read().then(
        ({ done, value }) => {
          if (!done) return pass(controller, value, watch);
          watch.end();
          controller.close();
          // A reader that brought its own buffer gets it back.
          controller.byobRequest?.respond(0);
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
    reader.closed.then(undefined, (error: unknown) => watch.error(error));
  };
  return { stream, start };
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
