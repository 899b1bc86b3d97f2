/** Takes the bytes of an answer after they have gone on to the caller, and says in the end what they were. */
export interface BodyReader {
  /** Whether it reads bytes at all; otherwise `undefined` may stand for them. */
  readonly reads: boolean;
  /** Bytes that are the reader's own. */
  push(bytes: Uint8Array): void;
  /** What waits to be read is read now. */
  drain(): void;
  /** Parsed JSON, text, what a stream adds up to. */
  answer(): unknown;
  /** Of a stream of events. */
  readonly events?: EventFacts;
}

export interface EventFacts {
  readonly count: number;
  /** Its last event has been seen. */
  readonly isComplete: boolean;
  /** And it was the very last one, after which nothing comes: `[DONE]`, or one that says that the answer is over. */
  readonly isOver: boolean;
  /** An error object that came as an event. */
  readonly error: unknown;
  readonly mismatch: { readonly event: string; readonly status: string } | undefined;
  readonly truncated: boolean;
}

/** For bodies of which only the size is of interest. */
export const countingReader: BodyReader = {
  reads: false,
  push() {},
  drain() {},
  answer: () => undefined,
};
