import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import { type JsonFormatOptions, parsedOutput } from "./json-format.ts";
import type { Scorer } from "./scorer.ts";

/** A compiled schema: ajv's, or any function that says yes or no. */
export interface Validate {
  (value: unknown): unknown;
  readonly errors?: readonly { readonly instancePath?: string; readonly message?: string }[] | null | undefined;
}

/**
 * 1 for JSON that a schema takes, 0 for other JSON and for what is none. Sees fields, types and bounds; not whether what is in
 * them is true.
 *
 * @param validate takes the parsed answer: what `new Ajv().compile(schema)` gives, or your own `(value) => boolean`
 * @example
 * import { jsonSchema } from "sightline/monitors";
 * jsonSchema((value) => typeof (value as { total?: unknown }).total === "number");
 */
export function jsonSchema(validate: Validate, options: JsonFormatOptions = {}): Scorer {
  if (typeof validate !== "function") {
    throw new ConfigError(
      "CONFIG_SCORER",
      `jsonSchema() takes a function, (value) => boolean; it got ${showValue(validate)}. Compile the schema: new Ajv().compile(schema).`,
    );
  }
  return {
    name: "json_schema",
    higherIsBetter: true,
    score(sample) {
      const parsed = parsedOutput(sample, options);
      if ("verdict" in parsed) return parsed.verdict;
      if (validate(parsed.value) === true) return 1;
      const [first] = validate.errors ?? [];
      return {
        value: 0,
        reason: first ? `${first.instancePath || "/"} ${first.message ?? "is wrong"}` : "not as the schema says",
      };
    },
  };
}
