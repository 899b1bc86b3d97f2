/**
 * Waits for signals in the circumstances that its argument names. Writes what happens to stdout, a word a line: first
 * `ready`, then what our target and the host are asked to do.
 */
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import type { FlushResult, Slot } from "../../src/core/runtime.ts";
import type { ExitTarget } from "../../src/pipeline/exit.ts";
import { installSignalHooks, type SignalsOption } from "../../src/pipeline/signals.ts";

const require = createRequire(import.meta.url);
const say = (word: string): void => void writeSync(1, `${word}\n`);
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const done = (): FlushResult => ({ ok: true, written: 0, pending: 0, spooled: 0, dropped: 0, errors: [] });

const target: ExitTarget = {
  async flush(options) {
    say(`flush ${Math.round((options?.timeoutMs ?? 0) / 100) * 100}`);
    await later(20);
    say("flushed");
    return done();
  },
  abandon() {},
  exportOpen: async () => say("export"),
  spillSync: () => say("spill"),
  losses: () => undefined,
  stats: () => ({}),
};
const newSlot = (): Pick<Slot, "shared"> => ({ shared: new Map() });
const slot = newSlot();
const install = (signals?: SignalsOption, changes: Partial<ExitTarget> = {}) =>
  installSignalHooks(slot, { ...target, ...changes }, signals);

/** A host that ends in its own way and time. */
const host = (signal: string): void => {
  say(`host ${signal}`);
  setTimeout(() => process.exit(7), 100);
};
const signalExit3 = (): unknown =>
  require("signal-exit3")((_: unknown, signal: string) => say(`signal-exit3 ${signal}`));
const signalExit4 = (): unknown =>
  require("signal-exit").onExit((_: unknown, signal: string) => say(`signal-exit4 ${signal}`));

const CIRCUMSTANCES: { readonly [name: string]: () => unknown } = {
  alone: () => install(),
  "flush that never ends": () => install(true, { flush: neverEnding }),
  "as if it were process 1"() {
    process.kill = () => true;
    install();
  },
  "flush that fails": () => install(true, { flush: () => Promise.reject(new Error("no")), exportOpen: fail }),
  "spill that fails": () => install(true, { spillSync: fail }),
  "only SIGTERM": () => install(["SIGTERM"]),
  off: () => install(false),
  "let go": () => install()(),
  twice() {
    install();
    install(["SIGINT"], { spillSync: () => say("second spill") });
  },
  "two copies"() {
    install();
    installSignalHooks(newSlot(), { ...target, spillSync: () => say("other spill") });
  },
  host() {
    process.on("SIGTERM", host);
    install();
  },
  "host, later"() {
    install();
    process.on("SIGTERM", host);
  },
  "host, once and earlier"() {
    process.once("SIGTERM", host);
    install();
  },
  "host that raises again"() {
    process.once("SIGTERM", (signal) => {
      say("host");
      process.kill(process.pid, signal);
    });
    install();
  },
  "host that ignores"() {
    process.on("SIGTERM", () => setTimeout(() => process.removeAllListeners().exit(0), 100));
    install();
  },
  "signal-exit 3"() {
    signalExit3();
    install();
  },
  "signal-exit 4"() {
    install();
    signalExit4();
  },
  "signal-exit 3 and 4"() {
    signalExit3();
    install();
    signalExit4();
  },
  "signal-exit 4, flush that never ends"() {
    signalExit4();
    install(true, { flush: neverEnding });
  },
  "signal-exit 4 and host"() {
    signalExit4();
    process.on("SIGTERM", host);
    install();
  },
};

function neverEnding(): Promise<FlushResult> {
  say("flush");
  return new Promise(() => {});
}

function fail(): never {
  throw new Error("no");
}

CIRCUMSTANCES[process.argv[2]!]!();
setInterval(() => {}, 1_000);
say("ready");
