import type { Profile } from "./profile.ts";
import { REGISTRY } from "./registry.ts";

/**
 * Whether an attribute is a double though its value may be whole: JSON cannot tell 1 from 1.0, receivers can. The profile
 * matters for `gen_ai.request.top_k` alone, which became an integer in `latest`.
 */
export function isDouble(name: string, profile: Profile = "1.41"): boolean {
  return DOUBLES[profile].has(LISTED.test(name) ? name.replace(/\.\d+\./g, ".{i}.") : name);
}

/** Names with indices, of OpenInference alone; the test is quicker than the replacement. */
const LISTED = /^retrieval\./;

const DOUBLES: { readonly [P in Profile]: ReadonlySet<string> } = {
  "1.36": doubles("1.36"),
  "1.41": doubles("1.41"),
  latest: doubles("latest"),
};

function doubles(profile: Profile): ReadonlySet<string> {
  const found = Object.values(REGISTRY[profile]).filter(({ type }) => type === "double");
  return new Set(found.map(({ name }) => name));
}
