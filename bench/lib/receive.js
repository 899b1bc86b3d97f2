import { fork } from "node:child_process";
import { once } from "node:events";

/** Starts the receiving process. */
export async function receive() {
  const child = fork(new URL("receiver.js", import.meta.url), { execArgv: [] });
  const [port] = await once(child, "message");
  return {
    url: `http://127.0.0.1:${port}`,
    /** @returns {Promise<{ spans: number, bytes: number }>} */
    async received() {
      child.send("how many");
      const [figures] = await once(child, "message");
      return figures;
    },
    close: () => child.disconnect(),
  };
}
