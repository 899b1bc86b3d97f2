/** Request parameters: what `requestParams` takes and gives. */
import { type RequestParams, requestParams } from "sightline/openai";
import { type Equal, same } from "./equal.js";

const all = requestParams({ userId: "u", sessionId: "s", feature: "f", environment: "e", promptCacheKey: "p" });
same<Equal<typeof all, RequestParams>>(true);
const pairs: { [key: string]: string } = requestParams().metadata;
const optional: string | undefined = requestParams({
  userId: undefined,
  metadata: { n: 1, b: true },
}).safety_identifier;
const bare = requestParams({ metadata: false, legacyUser: true });
same<Equal<typeof bare, Omit<RequestParams, "metadata">>>(true);
// @ts-expect-error: there is none
bare.metadata;
// @ts-expect-error: metadata is flat
requestParams({ metadata: { list: [1] } });
// @ts-expect-error: no such option
requestParams({ user: "u" });

/** The clients' parameters, as far as they matter here. */
interface CreateParams {
  model: string;
  metadata?: { [key: string]: string } | null;
  safety_identifier?: string | null;
  prompt_cache_key?: string | null;
  user?: string;
}
const params: CreateParams = { model: "m", ...all };
const older: { model: string; metadata?: unknown; user?: string } = { model: "m", ...bare };
export const used: unknown[] = [pairs, optional, params, older];
