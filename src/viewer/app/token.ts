const KEY = "sightline.token";

/**
 * Takes the access token out of a hash: `#token=…`, or `token` among the parameters of a page. What is left of the hash
 * is an address that can be shown and copied.
 */
export function takeToken(hash: string): { readonly token?: string; readonly hash: string } {
  const bare = /^#?token=([^&]*)$/.exec(hash);
  if (bare) return { token: decodeURIComponent(bare[1]!), hash: "" };
  const at = hash.indexOf("?");
  if (at < 0) return { hash };
  const params = new URLSearchParams(hash.slice(at + 1));
  const token = params.get("token");
  if (token === null) return { hash };
  params.delete("token");
  const rest = params.toString();
  return { token, hash: hash.slice(0, at) + (rest && `?${rest}`) };
}

/** Reads the token once, removes it from the address bar and keeps it for reloads of this tab. */
export function initToken(): void {
  const { token, hash } = takeToken(location.hash);
  if (token === undefined) return;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, "", hash || "#/traces");
}

export function authorization(): Record<string, string> {
  const token = globalThis.sessionStorage?.getItem(KEY);
  return token ? { authorization: `Bearer ${token}` } : {};
}
