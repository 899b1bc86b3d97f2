/** What is told of a body as the caller reads it. Nothing here throws; after the end nothing more is told. */
export interface BodyWatch {
  /** Whether bytes are wanted, or just their number. */
  readonly reads: boolean;
  /** The first part is waited for. */
  asked(): void;
  /** A part has been read, and has gone on already. `bytes` are a copy. */
  chunk(size: number, bytes: Uint8Array | undefined): void;
  end(): void;
  error(error: unknown): void;
  /** The reader has left. */
  cancel(): void;
  /** Nobody holds the body any more. */
  gone(): void;
}
