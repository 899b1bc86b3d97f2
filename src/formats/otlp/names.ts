import { PROFILES } from "../../semconv/profile.ts";
import { type AttributeKey, ownName, REGISTRY } from "../../semconv/registry.ts";

/**
 * All names under which an attribute comes: those of each generation of the conventions, the newest first, and our own,
 * which stand for them where a generation has none or the value is of another type.
 */
export const NAMES: { readonly [key in AttributeKey]: readonly string[] } = allNames();

function allNames(): { readonly [key in AttributeKey]: readonly string[] } {
  const keys = Object.keys(REGISTRY.latest) as AttributeKey[];
  const entries = keys.map((key) => {
    const official = PROFILES.toReversed().map((profile) => REGISTRY[profile][key].name);
    const own = official.filter((name) => !name.startsWith("sightline.")).map(ownName);
    return [key, [...new Set([...official, ...own])]];
  });
  return Object.fromEntries(entries);
}
