import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { type Observation, observationOf } from "./observation.ts";
import { bodyOf, type PlainSpan, Refused, spansOf } from "./otlp.ts";
import { type Score, scoreOf } from "./scores.ts";

export type { Observation, PlainSpan, Score };

export interface LangfuseRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Unzipped. */
  readonly bytes: Buffer;
  /** `undefined` for what cannot be parsed. */
  readonly body: any;
  /** How many spans are in it. */
  readonly spans: readonly PlainSpan[];
  readonly status: number;
}

export interface Answer {
  readonly status: number;
  readonly headers?: { readonly [name: string]: string };
  /** The request is taken all the same: an answer that got lost. */
  readonly taken?: boolean;
  /** The connection is closed instead of an answer. */
  readonly drop?: boolean;
}

/** What answers a request instead of Langfuse; `undefined` leaves it to Langfuse. */
export type Script = (request: Omit<LangfuseRequest, "status">) => Answer | undefined;

export interface FakeLangfuse {
  /** For `langfuseSink({ baseUrl })`. */
  readonly baseUrl: string;
  readonly publicKey: string;
  readonly secretKey: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly LangfuseRequest[];
  /** Every span that was taken, as it is stored; one that was sent twice is here twice. */
  readonly observations: readonly Observation[];
  /** Spans that went the way that takes up to 15 minutes, as the request did not ask for version 4. */
  readonly delayed: readonly Observation[];
  /** The last of each id. */
  readonly scores: readonly Score[];
  /** The observation of this name, or of this id; throws when there are none or several. */
  observation(nameOrId: string): Observation;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const TRACES = "/api/public/otel/v1/traces";
const SCORES = "/api/public/scores";
/** The highest version of ingestion that there is (`web/src/pages/api/public/otel/v1/traces/index.ts`). */
const INGESTION_VERSION = 4;

/**
 * Starts a Langfuse with two endpoints on loopback, traces by OTLP and scores, that reads spans by the table in `rules.ts`.
 * It checks what the real one checks; `script` may answer in its place.
 */
export async function fakeLangfuse(script: Script = () => undefined): Promise<FakeLangfuse> {
  const publicKey = "pk-lf-1234";
  const secretKey = "sk-lf-5678";
  const requests: LangfuseRequest[] = [];
  const observations: Observation[] = [];
  const delayed: Observation[] = [];
  const scores = new Map<string, Score>();

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method = "", url = "", headers } = incoming;
    const zipped = Buffer.concat(chunks);
    const bytes = headers["content-encoding"]?.includes("gzip") ? gunzipSync(zipped) : zipped;
    const seen = { method, path: url, headers, bytes, ...attempt(() => contentOf(url, headers, bytes)) };
    const scripted = script(seen);
    let status = 200;
    let answer: object = {};
    try {
      if (scripted === undefined || scripted.taken) answer = take(url, headers, bytes);
    } catch (error) {
      status = error instanceof Unauthorized ? error.status : 400;
      answer = { error: (error as Error).message };
    }
    status = scripted?.status ?? status;
    requests.push({ ...seen, status });
    if (scripted?.drop) return void response.destroy();
    response
      .writeHead(status, { "content-type": "application/json", ...scripted?.headers })
      .end(JSON.stringify(answer));
  };

  function take(path: string, headers: IncomingHttpHeaders, bytes: Buffer): object {
    const expected = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString("base64")}`;
    if (headers.authorization !== expected) throw new Unauthorized(401, "Invalid credentials");
    if (path === SCORES) {
      const score = scoreOf(JSON.parse(bytes.toString()));
      scores.set(score.id, score);
      return { id: score.id };
    }
    if (path !== TRACES) throw new Unauthorized(404, "Not found");
    const version = headers["x-langfuse-ingestion-version"];
    if (version !== undefined && !(Number(version) <= INGESTION_VERSION)) throw new Refused("Unsupported version");
    const found = spansOf(bodyOf(headers["content-type"] ?? "", bytes)).map(observationOf);
    observations.push(...found);
    if (Number(version) !== INGESTION_VERSION) delayed.push(...found);
    return {};
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    publicKey,
    secretKey,
    requests,
    observations,
    delayed,
    get scores() {
      return [...scores.values()];
    },
    observation(nameOrId) {
      const found = observations.filter(({ id, name }) => id === nameOrId || name === nameOrId);
      if (found.length !== 1) {
        const names = observations.map(({ name }) => name).join(", ");
        throw new Error(`${found.length} observations are called ${nameOrId}; there are: ${names}`);
      }
      return found[0]!;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Unauthorized extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function contentOf(path: string, headers: IncomingHttpHeaders, bytes: Buffer): Pick<LangfuseRequest, "body" | "spans"> {
  const body = bodyOf(headers["content-type"] ?? "", bytes);
  return { body, spans: path === TRACES ? (attempt(() => ({ spans: spansOf(body) })).spans ?? []) : [] };
}

function attempt<T extends object>(read: () => T): T | { readonly body: undefined; readonly spans: readonly [] } {
  try {
    return read();
  } catch {
    return { body: undefined, spans: [] };
  }
}
