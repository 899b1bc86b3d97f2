import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Whose a token is. All tokens are compared, in constant time: how long it takes tells nothing. */
export type TokenBook<Owner> = (token: string) => Owner | undefined;

export function tokenBook<Owner>(owners: readonly (readonly [owner: Owner, token: string])[]): TokenBook<Owner> {
  const known = owners.map(([owner, token]) => ({ owner, digest: digest(token) }));
  return (token) => {
    const given = digest(token);
    let found: Owner | undefined;
    for (const { owner, digest } of known) {
      if (timingSafeEqual(given, digest)) found = owner;
    }
    return found;
  };
}

/** 128 bits. */
export function newToken(): string {
  return randomBytes(16).toString("base64url");
}

/** Bearer, the password of Basic (Langfuse's secret key), `x-api-key`. */
export function tokenOf({ headers }: IncomingMessage): string | undefined {
  const { scheme, value } = /^(?<scheme>\w+) +(?<value>\S+) *$/.exec(headers.authorization ?? "")?.groups ?? {};
  if (scheme?.toLowerCase() === "bearer") return value;
  if (scheme?.toLowerCase() === "basic") {
    const text = Buffer.from(value!, "base64").toString();
    return text.slice(text.indexOf(":") + 1);
  }
  const key = headers["x-api-key"];
  return typeof key === "string" ? key : undefined;
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
