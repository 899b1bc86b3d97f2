import { ConfigError } from "../../core/errors.ts";
import { type TracedFetchOptions, tracedFetchOf } from "./traced-fetch.ts";
import { isTraced } from "./traced-fetches.ts";

/** What the clients of `openai` 4 to 7 have in common here. */
interface Client {
  readonly fetch: typeof fetch;
  readonly timeout?: number;
  readonly apiKey?: unknown;
  /** From version 5 on. */
  readonly withOptions?: (options: object) => object;
  readonly _options?: { readonly [name: string]: unknown };
  readonly constructor: Function;
  /** Azure's. */
  readonly apiVersion?: string;
  readonly deploymentName?: string;
  /** Azure's of version 4. */
  readonly _azureADTokenProvider?: unknown;
}

/**
 * A client like this one whose calls are recorded under the current span; see `tracedFetch`. For `OpenAI` and
 * `AzureOpenAI` of versions 4 to 7. The client itself stays as it is; one that is observed already is returned.
 *
 * @throws ConfigError for what is no such client, and for options that make no sense.
 *
 * @example
 * const openai = observeOpenAI(new OpenAI());
 */
export function observeOpenAI<T extends object>(client: T, options: Omit<TracedFetchOptions, "fetch"> = {}): T {
  if (!isClient(client)) {
    throw new ConfigError(
      "OPENAI_NO_CLIENT",
      `observeOpenAI() takes a client of the openai package; it got ${kindOf(client)}.`,
    );
  }
  if (isTraced(client.fetch)) return client;
  const traced = tracedFetchOf({ ...options, fetch: client.fetch }, client.timeout);
  if (typeof client.withOptions === "function") {
    return client.withOptions({ ...azureOptions(client), ...currentKey(client), fetch: traced }) as T;
  }
  const Same = client.constructor as new (options: object) => T;
  return new Same({ ...client._options, ...currentOptions(client), ...azureOptions(client), fetch: traced });
}

/** What `AzureOpenAI` keeps to itself and asks for again. */
function azureOptions({ apiVersion, deploymentName, _azureADTokenProvider }: Client): object {
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(deploymentName !== undefined && { deployment: deploymentName }),
    // Either this or a key.
    ...(_azureADTokenProvider !== undefined && { azureADTokenProvider: _azureADTokenProvider, apiKey: undefined }),
  };
}

/** Version 5 would pass on the key that a function gave last, later ones the key that the client was made with. */
function currentKey({ _options, apiKey }: Client): object {
  const given = _options?.["apiKey"];
  if (typeof given === "function") return { apiKey: given };
  // A client whose provider signs its requests takes no key.
  return typeof apiKey === "string" && _options?.["provider"] === undefined ? { apiKey } : {};
}

/** What may have been changed on a client of version 4 since it was made. */
function currentOptions(client: Client): object {
  const names = ["apiKey", "organization", "project", "baseURL", "maxRetries", "timeout"];
  return Object.fromEntries(names.map((name) => [name, (client as unknown as Record<string, unknown>)[name]]));
}

function isClient(value: unknown): value is Client {
  const { fetch, withOptions, _options } = Object(value) as Partial<Client>;
  if (typeof fetch !== "function") return false;
  return typeof withOptions === "function" || (typeof _options === "object" && _options !== null);
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${name}` : "an object without a class";
}
