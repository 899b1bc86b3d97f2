import type { Socket } from "node:net";

/** Whether a `Host` (or the host of an `Origin`) is a name of this server. */
export type IsAllowedHost = (host: string, socket: Pick<Socket, "localAddress" | "localPort">) => boolean;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * A page of anybody's can have its own name point to this machine and read what it likes (DNS rebinding), unless the name is
 * looked at: loopback's names and the very address that the connection came to, with the actual port, and those that were
 * configured, with the port they have there or any.
 */
export function allowedHosts(names: readonly string[]): IsAllowedHost {
  const configured = new Set(names.map((name) => name.toLowerCase()));
  return (host, { localAddress = "", localPort }) => {
    const lower = host.toLowerCase();
    const { name, port } = hostParts(lower) ?? {};
    if (name === undefined) return false;
    if (configured.has(name) || configured.has(lower)) return true;
    return port === localPort && (LOOPBACK.includes(name) || name === literal(localAddress));
  };
}

export function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** `undefined` for what is no host: a user, a path, a list. */
export function hostParts(host: string): { readonly name: string; readonly port: number } | undefined {
  const { name, port = "80" } = /^(?<name>\[[\da-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i.exec(host)?.groups ?? {};
  return name === undefined ? undefined : { name, port: Number(port) };
}

/** An address as it stands in a URL. */
export function literal(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").toLowerCase();
  return plain.includes(":") ? `[${plain}]` : plain;
}
