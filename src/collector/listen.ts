import type { Server } from "node:http";
import { ConfigError } from "../core/errors.ts";
import { hostParts, isLoopbackHost } from "./allowed-hosts.ts";

/** @throws ConfigError for an address that is taken, or none of this machine */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: host.replace(/^\[|\]$/g, ""), port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      const way = "another one: port (--port), 0 for any";
      throw new ConfigError("CONFIG_PORT_TAKEN", `Port ${port} of ${host} is taken; ${way}.`);
    }
    throw new ConfigError("CONFIG_CANNOT_LISTEN", `The collector cannot listen on ${host}, port ${port}: ${message}.`);
  }
}

/** What to write into an address that leads to it from this machine. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** A name to listen on is one to be asked by. */
export function ownNames(host: string): readonly string[] {
  const isName = /[a-z]/i.test(host) && !host.includes(":") && hostParts(host) !== undefined;
  return isName && !isLoopbackHost(host) ? [host] : [];
}
