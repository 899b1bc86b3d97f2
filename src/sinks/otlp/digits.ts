import type { SpanRecord } from "../../core/record.ts";
import { type Bytes, writeFixed64 } from "./bytes.ts";
import { hexDigit } from "./id-bytes.ts";

const SPAN_ID_DIGITS = 16;
/** From 2001 to 2286. */
const TIME_DIGITS = 19;
const NANOS_DIGITS = 9;

/**
 * The digits of one span's id and times as bytes, put there by one call. Its texts are slices and put together of others:
 * a loop over each of them, or a `BigInt` of it, costs more than all of this.
 */
const digits = Buffer.allocUnsafeSlow(64);
let startDigits = 0;

/** Before the functions below, which write what was read here last. */
export function readDigits({ spanId, startTime, endTime }: SpanRecord): void {
  startDigits = startTime.length;
  digits.write(spanId + startTime + endTime, "latin1");
}

/** Eight bytes. */
export function writeSpanId(out: Bytes): void {
  const { buffer } = out;
  for (let i = 0; i < SPAN_ID_DIGITS; i += 2) {
    buffer[out.at++] = hexDigit(digits[i]!) * 16 + hexDigit(digits[i + 1]!);
  }
}

/** As `fixed64`. */
export function writeStartTime(out: Bytes, startTime: string): void {
  writeTime(out, startTime, SPAN_ID_DIGITS);
}

/** As `fixed64`. */
export function writeEndTime(out: Bytes, endTime: string): void {
  writeTime(out, endTime, SPAN_ID_DIGITS + startDigits);
}

/** In two parts, as numbers are exact up to 53 bits. */
function writeTime(out: Bytes, time: string, from: number): void {
  const end = from + TIME_DIGITS;
  if (time.length !== TIME_DIGITS || end > digits.length) {
    writeFixed64(out, BigInt(time));
    return;
  }
  const seconds = decimal(from, end - NANOS_DIGITS);
  const low = (seconds % 0x10000) * 1e9 + decimal(end - NANOS_DIGITS, end);
  const high = Math.floor(seconds / 0x10000) * 1e9 + Math.floor(low / 0x10000);
  out.view.setUint32(out.at, (high % 0x10000) * 0x10000 + (low % 0x10000), true);
  out.view.setUint32(out.at + 4, Math.floor(high / 0x10000), true);
  out.at += 8;
}

function decimal(from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + (digits[i]! & 15);
  return value;
}
