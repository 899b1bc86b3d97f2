/** What an accepting answer says of what it left out. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const NONE: PartialSuccess = { rejected: 0, message: "" };
/** `{`: no protobuf message of OTLP begins with it. */
const BRACE = 0x7b;

/**
 * Reads `Export…ServiceResponse` in either form, whatever was sent: field 1 is `partial_success`, in it 1 the number of
 * rejected spans, log records or data points, 2 the message. What is no such answer rejects nothing.
 */
export function readPartialSuccess(answer: Buffer): PartialSuccess {
  try {
    return answer[0] === BRACE ? fromJson(answer.toString()) : fromProtobuf(answer);
  } catch {
    return NONE;
  }
}

function fromJson(text: string): PartialSuccess {
  const { partialSuccess = {} } = JSON.parse(text) as { partialSuccess?: { [name: string]: unknown } };
  const { rejectedSpans, rejectedLogRecords, rejectedDataPoints, errorMessage } = partialSuccess;
  return checked(Number(rejectedSpans ?? rejectedLogRecords ?? rejectedDataPoints ?? 0), errorMessage);
}

function fromProtobuf(bytes: Buffer): PartialSuccess {
  const partial = fieldsOf(bytes).get(1);
  if (!Buffer.isBuffer(partial)) return NONE;
  const fields = fieldsOf(partial);
  const message = fields.get(2);
  return checked(fields.get(1) ?? 0, Buffer.isBuffer(message) ? message.toString() : "");
}

function checked(rejected: unknown, message: unknown): PartialSuccess {
  return {
    rejected: Number.isSafeInteger(rejected) && (rejected as number) > 0 ? (rejected as number) : 0,
    message: typeof message === "string" ? message.slice(0, 200) : "",
  };
}

/** The last value of each field that is a varint or has a length; throws where the bytes end too early. */
function fieldsOf(bytes: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === 0) fields.set(field, varint());
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new RangeError("the message is cut off");
      fields.set(field, bytes.subarray(at, (at += length)));
    } else throw new RangeError("no such wire type");
  }
  return fields;
}
