import { SightlineError } from "../core/errors.ts";

export type FormatErrorCode =
  | "FORMAT_CONTENT_TYPE"
  | "FORMAT_TOO_LARGE"
  | "FORMAT_BAD_JSON"
  | "FORMAT_BAD_PROTOBUF"
  | "FORMAT_BAD_COMPRESSION"
  | "FORMAT_NOT_OTLP"
  | "FORMAT_NOT_LANGFUSE"
  | "FORMAT_UNKNOWN";

/** Bytes that are not what they are said to be. The message names the file where there is one, the place and the reason. */
export class FormatError extends SightlineError {
  static override readonly kind = "FormatError";
  declare readonly code: FormatErrorCode;
  /** Bytes from the beginning to where reading stopped. */
  readonly offset: number | undefined;

  constructor(code: FormatErrorCode, message: string, options: ErrorOptions & { readonly offset?: number } = {}) {
    super(code, message, options);
    this.offset = options.offset;
  }
}
