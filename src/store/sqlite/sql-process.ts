import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { StoreError } from "../store-error.ts";
import type { SqlAnswer } from "../trace-store.ts";
import { receivedError } from "./calls.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { SqlMessage, SqlQuestion } from "./sql-child.ts";
import { workerFile } from "./worker-file.ts";

export interface SqlProcesses {
  /** @throws StoreError `STORE_BAD_QUERY` for a statement that takes longer than `timeoutMs` */
  run(question: SqlQuestion): Promise<SqlAnswer>;
  /** Gives up what still runs: `STORE_CLOSED`. */
  close(): void;
}

/** The last that a process has said before it died. */
const LAST_WORDS = 2_000;

/**
 * Statements, each in a process of its own: SQLite as Node has it cannot be interrupted, and a thread that is inside it
 * neither ends nor lets its process end. Its start, a tenth of a second or two, does not count as the
 * statement's time.
 */
export function sqlProcesses(name: string): SqlProcesses {
  const running = new Map<ChildProcess, (error: Error) => void>();
  const killAll = () => {
    for (const child of running.keys()) child.kill("SIGKILL");
  };

  function end(child: ChildProcess): void {
    if (!running.delete(child)) return;
    if (running.size === 0) process.off("exit", killAll);
    child.kill("SIGKILL");
    child.stderr?.destroy();
    if (child.connected) child.disconnect();
    child.unref();
  }

  return {
    run: (question) =>
      new Promise((resolve, reject) => {
        const child = startProcess();
        if (running.size === 0) process.once("exit", killAll);
        let timer: NodeJS.Timeout | undefined;
        let words = "";
        const fail = (error: Error) => {
          clearTimeout(timer);
          end(child);
          reject(error);
        };
        const died = (why: string) => fail(deathOf(question.connection, why, words));
        running.set(child, fail);
        child.stderr?.on("data", (text) => {
          words = (words + text).slice(-LAST_WORDS);
        });
        child.on("error", (error) => died(error.message));
        child.on("close", (code, signal) => died(`it has exited with ${signal ?? code}`));
        child.on("message", (message: SqlMessage) => {
          if ("isReady" in message) timer = setTimeout(() => fail(tooLong(question)), question.timeoutMs);
          else if ("error" in message) fail(receivedError(message.error));
          else {
            clearTimeout(timer);
            end(child);
            resolve(message.answer);
          }
        });
        child.send(question, (error) => error && died(error.message));
      }),
    close() {
      for (const fail of [...running.values()]) {
        fail(new StoreError("STORE_CLOSED", `The store ${name} was closed before the statement had ended.`));
      }
    },
  };
}

function startProcess(): ChildProcess {
  const { url, tsx } = workerFile();
  // The host's own options are not for our process: `--test`, `--inspect-brk`, a loader.
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _test, ...env } = process.env;
  return fork(fileURLToPath(url), [], {
    env,
    execArgv: tsx ? ["--import", new URL("./dist/loader.mjs", tsx).href] : [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    windowsHide: true,
  } as Parameters<typeof fork>[2]);
}

function tooLong({ timeoutMs }: SqlQuestion): StoreError {
  const message = `The statement has taken longer than ${timeoutMs} ms. Ask for less, or raise sqlTimeoutMs.`;
  return new StoreError("STORE_BAD_QUERY", message);
}

function deathOf({ path }: ConnectionOptions, why: string, words: string): StoreError {
  const message = `The process of a statement on the store ${path} has died: ${why}. Try again.`;
  return new StoreError("STORE_UNAVAILABLE", message, { cause: new Error(words || why), retryAfterMs: 1_000 });
}
