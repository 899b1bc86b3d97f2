/** How old a message may be, either way: Stripe's five minutes, enough for clocks that differ. */
const TOLERANCE_MS = 300_000;

export interface VerifyOptions {
  /** Milliseconds by which the time of the signature may differ from now. Default: 300,000. */
  readonly toleranceMs?: number;
  /** Epoch milliseconds. Default: now. */
  readonly now?: number;
}

/** `t=1767225600,v1=<hex>`: HMAC-SHA256 with the secret over the seconds since 1970, a dot, and the body as it is sent. */
export function signature(body: string | Uint8Array, secret: string, nowMs: number): string {
  const seconds = String(Math.floor(nowMs / 1000));
  return `t=${seconds},v1=${digest(seconds, body, secret).toString("hex")}`;
}

/**
 * For receivers of `webhook()`: whether the header `x-sightline-signature` fits the body as it came, byte by byte. Of
 * several secrets one has to fit, so that they can be changed. Takes the same time wherever a signature differs.
 *
 * @example
 * import { verifyWebhook } from "sightline/monitors";
 * const isOurs = verifyWebhook("{}", "t=1767225600,v1=…", "a secret of sixteen or more characters");
 */
export function verifyWebhook(
  body: string | Uint8Array,
  header: string | readonly string[] | null | undefined,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): boolean {
  const { toleranceMs = TOLERANCE_MS, now = Date.now() } = options;
  if (typeof header !== "string") return false;
  const parts = header.split(",").map((part) => part.trim());
  const [time, ...others] = parts.filter((part) => part.startsWith("t="));
  const seconds = time?.slice(2) ?? "";
  if (others.length > 0 || !/^\d{1,12}$/.test(seconds)) return false;
  if (!(Math.abs(now - Number(seconds) * 1000) <= toleranceMs)) return false;
  const given = parts.flatMap((part) => (/^v1=[\da-f]{64}$/.test(part) ? [Buffer.from(part.slice(3), "hex")] : []));
  const secrets = (typeof secret === "string" ? [secret] : secret).filter((one) => one !== "");
  const { timingSafeEqual } = process.getBuiltinModule("node:crypto");
  return secrets.some((one) => {
    const wanted = digest(seconds, body, one);
    // A few at most: a header has 16 KB.
    return given.slice(0, 10).some((bytes) => timingSafeEqual(bytes, wanted));
  });
}

function digest(seconds: string, body: string | Uint8Array, secret: string): Buffer {
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return createHmac("sha256", secret).update(`${seconds}.`).update(body).digest();
}
