/**
 * The least that a nested tracer can do: `als.run`, ids of 16 and 8 bytes from a pool, two clock reads, one object pushed to
 * an array. What it captures is kept as it is, not copied; lines of JSON are made and written in `settle` or the next turn.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

const POOL = 4_096;
const LINES = 512;
const BATCH = 256;

export function start({ file, capture, mode }) {
  const storage = new AsyncLocalStorage();
  const fd = file && openSync(file, "a");
  const id = idPool();
  let spans = [];
  let scheduled = false;

  function end(span) {
    span.end = performance.now();
    spans.push(span);
    if (scheduled || spans.length < BATCH) return;
    scheduled = true;
    setImmediate(deliver);
  }

  function deliver() {
    scheduled = false;
    const batch = spans;
    spans = [];
    if (fd === undefined) return;
    for (let i = 0; i < batch.length; i += LINES) {
      let lines = "";
      for (const span of batch.slice(i, i + LINES)) lines += `${JSON.stringify(span)}\n`;
      writeSync(fd, lines);
    }
  }

  function trace(name, fn) {
    if (mode === "off") return fn;
    return function traced(...args) {
      const parent = storage.getStore();
      const span = {
        traceId: parent === undefined ? id(16) : parent.traceId,
        spanId: id(8),
        parentSpanId: parent?.spanId,
        name,
        start: performance.now(),
        end: 0,
        input: capture ? args : undefined,
        output: undefined,
      };
      let result;
      try {
        result = storage.run(span, call, fn, this, args);
      } catch (error) {
        end(span);
        throw error;
      }
      if (result instanceof Promise) {
        return result.then(
          (value) => {
            if (capture) span.output = value;
            end(span);
            return value;
          },
          (error) => {
            end(span);
            throw error;
          },
        );
      }
      if (capture) span.output = result;
      end(span);
      return result;
    };
  }

  return {
    trace,
    settle: deliver,
    close() {
      deliver();
      if (fd !== undefined) closeSync(fd);
    },
  };
}

function call(fn, self, args) {
  return Reflect.apply(fn, self, args);
}

/** Hexadecimal ids of so many bytes; the pool becomes text once. */
function idPool() {
  const bytes = Buffer.allocUnsafe(POOL);
  let hex = "";
  let at = 0;
  return (length) => {
    const digits = length * 2;
    if (at + digits > hex.length) {
      hex = randomFillSync(bytes).toString("hex");
      at = 0;
    }
    at += digits;
    return hex.slice(at - digits, at);
  };
}
