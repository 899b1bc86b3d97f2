export interface Paced {
  /** Has the work done: soon, once, however often it is asked for. */
  ask(): void;
  stop(): void;
}

/** Work that is begun `waitMs` after it is asked for, and never while it is under way: what comes meanwhile waits for its end. */
export function paced(work: () => Promise<void>, waitMs: number): Paced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isRunning = false;
  let isAsked = false;
  let isStopped = false;
  const ask = () => {
    if (isRunning) isAsked = true;
    else if (!isStopped) timer ??= setTimeout(run, waitMs);
  };
  const run = async () => {
    timer = undefined;
    isRunning = true;
    isAsked = false;
    await work();
    isRunning = false;
    if (isAsked) ask();
  };
  return {
    ask,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
