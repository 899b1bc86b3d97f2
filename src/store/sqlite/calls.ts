import type { MessagePort } from "node:worker_threads";
import { StoreError, type StoreErrorCode } from "../store-error.ts";
import type { Engine } from "./engine.ts";

/** Asks for a call, or for the rest of a long answer. */
export type Question =
  | { readonly id: number; readonly method: keyof Engine; readonly args: readonly unknown[] }
  | { readonly id: number };

export type Answer =
  | { readonly id: number; readonly value: unknown; readonly hasMore?: boolean }
  | { readonly id: number; readonly error: SentError };

/** An error as it crosses threads: classes do not. */
export interface SentError {
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly isStoreError: boolean;
}

/** Entries of a list that are sent at a time: taking in more would hold up the thread that asked. */
const PART = 1_000;

/** The thread's side: does what it is asked, one thing after the other. */
export function answerCalls(engine: Engine, port: MessagePort): void {
  const rests = new Map<number, unknown[]>();
  const send = (id: number, list: unknown[]) => {
    const rest = list.slice(PART);
    if (rest.length > 0) rests.set(id, rest);
    else rests.delete(id);
    port.postMessage({ id, value: list.slice(0, PART), hasMore: rest.length > 0 } satisfies Answer);
  };
  port.on("message", (question: Question) => {
    const { id } = question;
    if (!("method" in question)) return send(id, rests.get(id)!);
    try {
      const { method, args } = question;
      const value = (engine[method] as (...args: unknown[]) => unknown)(...args);
      if (method === "append")
        return port.postMessage({ id, value: (value as unknown[]).map(sentError) } satisfies Answer);
      if (Array.isArray(value)) return send(id, value);
      port.postMessage({ id, value } satisfies Answer);
    } catch (error) {
      port.postMessage({ id, error: sentError(error)! } satisfies Answer);
    }
  });
}

export function sentError(error: unknown): SentError | undefined {
  if (error === undefined) return undefined;
  const { message, stack, code, retryAfterMs } = error as StoreError;
  return { message: message ?? String(error), stack, code, retryAfterMs, isStoreError: error instanceof StoreError };
}

export function receivedError(sent: SentError): Error {
  const { message, code, retryAfterMs, isStoreError } = sent;
  const cause = Object.assign(new Error(message), { stack: sent.stack });
  if (!isStoreError) return Object.assign(cause, code === undefined ? {} : { code });
  return new StoreError(
    code as StoreErrorCode,
    message,
    retryAfterMs === undefined ? { cause } : { cause, retryAfterMs },
  );
}
