import { Worker } from "node:worker_threads";
import type { SqlAnswer } from "../trace-store.ts";
import { type SentError, sentError } from "./calls.ts";
import type { ConnectionOptions } from "./connection.ts";
import { createEngine } from "./engine.ts";

/** The one statement that a process is there for. */
export interface SqlQuestion {
  readonly connection: ConnectionOptions;
  readonly statement: string;
  readonly asked: { readonly limit?: number };
  readonly timeoutMs: number;
}

/** `isReady`: the statement begins now. */
export type SqlMessage = { readonly isReady: true } | { readonly answer: SqlAnswer } | { readonly error: SentError };

/**
 * Nothing but the end of the process ends a statement: a thread of it sees to that when whoever asked is gone, and a
 * while after the time is up.
 */
const WATCH = `
  const { workerData: { parent, timeoutMs } } = require("node:worker_threads");
  const end = () => process.kill(process.pid, "SIGKILL");
  setTimeout(end, timeoutMs);
  setInterval(() => process.ppid === parent || end(), 500);
`;
const GRACE_MS = 5_000;
/** What a timer can be set to. */
const MOST_MS = 2 ** 31 - 1;

/** What the process of a statement runs. Whoever has asked ends it. */
export function answerStatement(): void {
  const send = (message: SqlMessage, done: () => void = () => {}) => process.send?.(message, done);
  process.once("disconnect", () => process.exit());
  process.once("message", ({ connection, statement, asked, timeoutMs }: SqlQuestion) => {
    const workerData = { parent: process.ppid, timeoutMs: Math.min(timeoutMs + GRACE_MS, MOST_MS) };
    new Worker(WATCH, { eval: true, workerData, execArgv: [] }).once("online", () => {
      send({ isReady: true }, () => {
        const engine = createEngine(connection);
        try {
          const answer = engine.sql(statement, asked);
          engine.close();
          send({ answer });
        } catch (error) {
          send({ error: sentError(error)! });
        }
      });
    });
  });
}
