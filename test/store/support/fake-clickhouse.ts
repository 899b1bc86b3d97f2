/** A server that is no ClickHouse. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { SCHEMA_VERSION } from "../../../src/store/clickhouse/schema.ts";

export interface Asked {
  readonly query: string;
  readonly parameters: URLSearchParams;
  readonly body: string;
}

/** Speaks enough of ClickHouse's HTTP for a store to open; `answer` says what else it does. */
export async function fake(
  t: TestContext,
  answer: (asked: Asked, response: ServerResponse) => boolean | undefined = () => false,
): Promise<{ url: string; asked: Asked[]; server: Server }> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { searchParams } = new URL(request.url!, "http://fake");
    const query = searchParams.get("query") ?? body;
    const one = { query, parameters: searchParams, body };
    if (!query.includes("migrations") && !query.startsWith("CREATE")) asked.push(one);
    if (answer(one, response)) return;
    response.setHeader("X-ClickHouse-Summary", "{}");
    response.end(query.includes("max(version) AS version") ? `{"version":${SCHEMA_VERSION}}\n` : "");
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}
