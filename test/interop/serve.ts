import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Runs `fn` with the address of a real server, and closes that. */
export async function serve(listener: RequestListener, fn: (url: string) => Promise<unknown>): Promise<void> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await fn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

export const TRACE = "0af7651916cd43dd8448eb211c80319c";
export const SPAN = "b7ad6b7169203331";
export const CALLER = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "vendor=x" };
