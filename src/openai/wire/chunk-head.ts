/** JSON as it came over the wire. */
export type Wire = { [name: string]: any };

export function isObject(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the chunks of chat and text completions have in common, around their choices. */
export interface ChunkHead {
  /** Reads all but the choices. False when the event is no chunk. */
  read(name: string | undefined, data: unknown): data is Wire;
  /** The object with its choices; `undefined` before the first event. */
  result(rest: Wire): Wire | undefined;
  /** `[DONE]` has been seen. */
  readonly done: boolean;
  readonly error: unknown;
}

/** Azure's first chunk has an empty id and model, and some hosts leave them out of later ones: what says something counts. */
const FIELDS = ["id", "created", "model", "service_tier", "system_fingerprint", "usage", "provider", "citations"];

export function createChunkHead(object: string): ChunkHead {
  const head: Wire = { object };
  let seen = false;
  let done = false;
  let error: unknown;
  return {
    read(name, data): data is Wire {
      if (data === "[DONE]") done = true;
      if (!isObject(data)) return false;
      seen = true;
      if (data.error) error = data.error;
      else if (name === "error") error = data;
      for (const field of FIELDS) {
        const value = data[field];
        if (value !== undefined && value !== null && value !== "") head[field] = value;
      }
      // Groq's own place for it.
      if (head.usage === undefined && data.x_groq?.usage) head.usage = data.x_groq.usage;
      return true;
    },
    result(rest) {
      if (!seen) return undefined;
      return { ...head, ...rest, ...(error !== undefined && { error }) };
    },
    get done() {
      return done;
    },
    get error() {
      return error;
    },
  };
}
