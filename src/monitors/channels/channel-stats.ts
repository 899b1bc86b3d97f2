/** Figures of one channel since the start. */
export interface ChannelStats {
  /** Not sent yet. */
  readonly waiting: number;
  readonly sent: number;
  /** Sent again because it is still active. */
  readonly repeated: number;
  /** Attempts that failed and are made again. */
  readonly retried: number;
  /** Messages that a later one of the same key stands for. */
  readonly merged: number;
  /** Not sent because it was over before it could be told. */
  readonly skipped: number;
  readonly dead: number;
  readonly lastError?: string;
}
