/** What an attribute of a span, event, metric or resource may be. Objects travel as JSON text. */
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[] | readonly boolean[];

/** Attributes by name. Whether a whole number is an integer or a double is its name's matter: `isDouble`. */
export type Attributes = { readonly [name: string]: AttributeValue };
