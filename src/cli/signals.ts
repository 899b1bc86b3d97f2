/** Resolves when somebody wants the program to end: Ctrl-C, `kill`, a terminal that is closed. A second one ends it at once. */
export function untilTold(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(130));
      });
    }
  });
}
