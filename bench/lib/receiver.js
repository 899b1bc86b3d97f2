/**
 * The receiving end, in a process of its own: takes NDJSON, OTLP as JSON and protobuf, LangSmith's multipart, answers as a
 * server would, and says how many spans came when it is asked.
 */
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

let spans = 0;
let bytes = 0;

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const sent = Buffer.concat(chunks);
    bytes += sent.length;
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    spans += count(request.headers["content-type"] ?? "", body);
    const protobuf = request.headers["content-type"] === "application/x-protobuf";
    response.setHeader("content-type", protobuf ? "application/x-protobuf" : "application/json");
    response.end(protobuf ? "" : "{}");
  });
});
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("message", () => process.send({ spans, bytes }));
process.on("disconnect", () => process.exit());

function count(type, body) {
  if (type.includes("protobuf")) return protobufSpans(body);
  if (type.includes("multipart")) return occurrences(body, /name="post\.[\w-]+"/g);
  return occurrences(body, /"spanId":/g);
}

function occurrences(body, pattern) {
  return body.toString("latin1").match(pattern)?.length ?? 0;
}

/** ExportTraceServiceRequest: resource_spans 1 → scope_spans 2 → spans 2. */
function protobufSpans(body) {
  let all = 0;
  for (const resource of fields(body, 1)) for (const scope of fields(resource, 2)) all += fields(scope, 2).length;
  return all;
}

/** The length-delimited fields of a message that have this number. */
function fields(message, wanted) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 2) {
      const length = varint();
      if (tag >> 3 === wanted) found.push(message.subarray(at, at + length));
      at += length;
    } else if (kind === 0) varint();
    else at += kind === 1 ? 8 : 4;
  }
  return found;
}
