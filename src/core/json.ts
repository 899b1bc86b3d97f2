export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object: metadata, attributes. */
export type JsonObject = { [key: string]: Json };
