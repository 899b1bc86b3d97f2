import { decodeOtlp, type OtlpRequest, type OtlpSignal } from "./decode-otlp.ts";
import { jsonPieces } from "./json-pieces.ts";
import { protobufPieces } from "./protobuf-pieces.ts";

/** A body of this size is decoded in a few milliseconds. */
const SMALL_BYTES = 256 * 1024;

/**
 * The spans or log records of an OTLP/HTTP body, as `decodeOtlp` gives them, in requests of a few hundred: between two of them others may
 * have their turn. `undefined`: nothing yet, but time has passed.
 *
 * @throws FormatError as `decodeOtlp` does, at the latest with the piece that is at fault
 */
export function* otlpPieces(
  bytes: Uint8Array,
  contentType: string,
  signal: OtlpSignal = "traces",
): Generator<OtlpRequest | undefined> {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLarge = buffer.length > SMALL_BYTES;
  if (isLarge && type === "application/json") {
    if (yield* jsonPieces(buffer, signal)) return;
  } else if (isLarge && (type === "application/x-protobuf" || type === "application/protobuf")) {
    return yield* protobufPieces(buffer, signal);
  }
  // Small, of another type, or not to be taken apart: then it says what is wrong with it.
  yield decodeOtlp(bytes, contentType, { signal });
}
