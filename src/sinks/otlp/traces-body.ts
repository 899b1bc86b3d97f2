import type { SpanRecord } from "../../core/record.ts";
import { keyValues } from "./any-value.ts";
import {
  type Bytes,
  createBytes,
  lengthDelimited,
  MAX_HEAD_BYTES,
  reserve,
  varintSize,
  writeBytes,
  writeHead,
  writeText,
  written,
} from "./bytes.ts";
import { SCOPE } from "./scope.ts";
import { spanJson } from "./span-json.ts";
import { byResource } from "./span-parts.ts";
import { spanProtobuf } from "./span-protobuf.ts";
import { partToProtobuf } from "./to-protobuf.ts";
import type { TracesForm } from "./traces.ts";

/**
 * Makes the bytes of `tracesData` for records, as JSON or protobuf.
 *
 * @throws TypeError for a record whose ids or times OTLP cannot hold: it would cost its whole batch
 */
export type TracesBody = (records: readonly SpanRecord[]) => Buffer;

/** Of the first body. Each next one gets what the one before it took, and a quarter more. */
const FIRST_SIZE = 64 * 1024;

export function tracesBody(form: TracesForm, isJson: boolean): TracesBody {
  const write = isJson ? jsonGroups(form) : protobufGroups(form);
  let size = FIRST_SIZE;
  return (records) => {
    const out = createBytes(size);
    const groups = byResource(records, form.resource);
    write(out, groups);
    size = Math.max(FIRST_SIZE, Math.ceil(out.at * 1.25));
    return written(out);
  };
}

type Groups = ReturnType<typeof byResource>;
type WriteGroups = (out: Bytes, groups: Groups) => void;

/** Characters that are joined before they become bytes: a call for each span costs more than the copy. */
const CHUNK = 16 * 1024;

function jsonGroups(form: TracesForm): WriteGroups {
  const spans = spanJson(form);
  const url = form.schemaUrl === undefined ? "" : `,"schemaUrl":${JSON.stringify(form.schemaUrl)}`;
  return (out, groups) => {
    spans.begin();
    let text = '{"resourceSpans":[';
    for (const [i, { resource, records }] of groups.entries()) {
      text += `${i === 0 ? "" : ","}{"resource":${JSON.stringify({ attributes: keyValues(resource) })},`;
      text += `"scopeSpans":[{"scope":${JSON.stringify(SCOPE)},"spans":[`;
      let comma = "";
      for (const record of records) {
        text += comma + spans.textOf(record);
        comma = ",";
        if (text.length < CHUNK) continue;
        writeText(out, text);
        text = "";
      }
      text += `]${url}}]${url}}`;
    }
    writeText(out, `${text}]}`);
  };
}

function protobufGroups(form: TracesForm): WriteGroups {
  const spans = spanProtobuf(form);
  const scope = lengthDelimited(1, partToProtobuf("InstrumentationScope", SCOPE));
  const url = form.schemaUrl === undefined ? Buffer.alloc(0) : lengthDelimited(3, Buffer.from(form.schemaUrl));
  return (out, groups) => {
    spans.begin();
    for (const group of groups) {
      const resource = lengthDelimited(1, partToProtobuf("Resource", { attributes: keyValues(group.resource) }));
      const room = resource.length + scope.length + 2 * MAX_HEAD_BYTES;
      const start = out.at;
      reserve(out, room);
      out.at += room;
      for (const record of group.records) spans.write(out, record);
      const size = out.at - start - room;
      // The lengths around the spans are known only now.
      const head = createBytes(room);
      const scopeSpans = scope.length + size + url.length;
      const inner = resource.length + 1 + varintSize(scopeSpans) + scopeSpans + url.length;
      writeHead(head, 1, inner);
      writeBytes(head, resource);
      writeHead(head, 2, scopeSpans);
      writeBytes(head, scope);
      out.buffer.copyWithin(start + head.at, start + room, out.at);
      out.at = start;
      writeBytes(out, written(head));
      out.at += size;
      writeBytes(out, url);
      writeBytes(out, url);
    }
  };
}
