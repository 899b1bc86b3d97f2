import { isAbort } from "../core/describe-error.ts";
import { guard } from "../core/guard.ts";
import type { Observer } from "./observer.ts";
import { methodOf } from "./patch.ts";

/**
 * A web stream: a pull-driven tap. With a high-water mark of 0 it reads one chunk for each that is asked for, takes its
 * source only then, and passes a cancel on with its reason. `tee` would keep the source running after a cancel.
 */
export function tapReadableStream(source: ReadableStream, observer: Observer): ReadableStream {
  const isBytes = isByteStream(source);
  let reader: ReadableStreamDefaultReader | undefined;
  const tap = {
    async pull(controller: ReadableStreamDefaultController | ReadableByteStreamController) {
      try {
        const { done, value } = await observer.run(() => (reader ??= source.getReader()).read());
        if (!done) {
          observer.chunk(value);
          controller.enqueue(value);
          return;
        }
        observer.finish(undefined);
        controller.close();
        // A pending BYOB read is answered only by an empty response after the close.
        if (isBytes) (controller as ReadableByteStreamController).byobRequest?.respond(0);
      } catch (error) {
        observer.fail(error);
        throw error;
      }
    },
    cancel(reason: unknown) {
      observer.cancel(reason);
      return observer.run(() => (reader ?? source).cancel(reason));
    },
  };
  return isBytes ? new ReadableStream({ ...tap, type: "bytes" }) : new ReadableStream(tap, { highWaterMark: 0 });
}

function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/** A Node stream: the same object, seen by its `close`, which comes last and whose listener changes nothing. */
export function followNodeStream(stream: NodeJS.ReadableStream, observer: Observer): boolean {
  const state = stream as { closed?: boolean; errored?: unknown; readableEnded?: boolean };
  const close = (): void => {
    if (isAbort(state.errored)) observer.cancel();
    else if (state.errored) observer.fail(state.errored);
    else if (state.readableEnded === false) observer.cancel();
    else observer.finish(undefined);
  };
  if (state.closed) close();
  else stream.once("close", close);
  return true;
}

/**
 * The event streams of openai's `.stream()` helpers: the same object, seen by its `end` event. A listener on `error`
 * or `abort` would silence the unhandled rejection that the host relies on.
 */
export function followEventStream(stream: object, observer: Observer): boolean {
  const on = methodOf(stream, "on") as (event: string, listener: () => void) => void;
  const state = stream as { ended?: boolean; errored?: boolean; aborted?: boolean };
  const end = (): void => {
    guard(() => {
      if (state.aborted) observer.cancel("aborted");
      else if (state.errored) observer.fail(new Error("The stream ended with an error"));
      else observer.finish(undefined);
    }, undefined);
  };
  if (state.ended) end();
  else Reflect.apply(on, stream, ["end", end]);
  return true;
}

/** Headers that say something about a response and are no one's secret. */
const RESPONSE_HEADERS = ["content-type", "content-length", "x-request-id", "retry-after"];

/** Status and a few headers; the body is the host's. */
export function describeResponse(response: object): Record<string, unknown> {
  const { status, headers } = response as Response;
  const shown: Record<string, string> = {};
  for (const name of RESPONSE_HEADERS) {
    const value = headers.get(name);
    if (value !== null) shown[name] = value;
  }
  return { status, headers: shown };
}
