/** What is done without a pause: other requests wait that long at most for each of those that are being worked on. */
const TURN_MS = 5;

/** To be awaited between steps of long work: others have their turn when this one has taken long enough. */
export function createTurns(): () => Promise<void> {
  let end = performance.now() + TURN_MS;
  return async () => {
    if (performance.now() < end) return;
    await new Promise(setImmediate);
    end = performance.now() + TURN_MS;
  };
}
