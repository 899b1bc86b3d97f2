import { uuid } from "../core/ids.ts";
import { type LangfuseMemory, langfuseMemory } from "../formats/langfuse/memory.ts";
import { recordsFromLangfuse } from "../formats/langfuse/records-from-langfuse.ts";
import { type Answer, json } from "./answer.ts";
import type { Form, ReadBody } from "./receive.ts";
import { Refusal } from "./refusal.ts";

interface ReadEvents extends ReadBody {
  /** Of the events that came, in order. */
  readonly ids: readonly string[];
  readonly rejected: readonly { readonly id?: string; readonly reason: string }[];
}

/** Traces and observations that a later batch may update, for each project. */
const MAX_KNOWN = 2_000;

/** The endpoint of Langfuse's older SDKs, and of scores in all of them: a batch of events. 207 says what became of each. */
export function takeEvents(): Form<ReadEvents> {
  const memories = new Map<string, LangfuseMemory>();
  return {
    name: "langfuse",
    path: "/api/public/ingestion",
    read(bytes, _, project) {
      const value = parse(bytes) as { batch?: unknown };
      if (!Array.isArray(value?.batch)) throw new Refusal(400, "BAD_BATCH", "The body must have a list named batch.");
      const memory = memories.get(project) ?? langfuseMemory(MAX_KNOWN);
      memories.set(project, memory);
      const { records, rejected } = recordsFromLangfuse(value, { memory });
      const ids = value.batch.map((event) => textOf((event as { id?: unknown } | null)?.id));
      return { records, rejected, ids, unreadable: rejected.length };
    },
    answer({ ids, rejected }, unstored) {
      const errors = [
        ...rejected.map(({ id = "", reason }) => ({ id, status: 400, message: reason, error: reason })),
        ...unstored.map(({ record, reason }) => {
          const id = record.record === "span" ? record.spanId : record.id;
          return { id, status: 400, message: reason, error: reason };
        }),
      ];
      const failed = new Set(errors.map(({ id }) => id));
      const successes = ids.filter((id) => !failed.has(id)).map((id) => ({ id, status: 201 }));
      return json({ successes, errors }, 207);
    },
    refuse,
  };
}

/** One score, as `langfuseSink` sends them. */
export const takeScore: Form<ReadEvents> = {
  name: "langfuse",
  path: "/api/public/scores",
  read(bytes) {
    const body = parse(bytes) as { [name: string]: unknown };
    if (typeof body !== "object" || body === null) throw new Refusal(400, "BAD_SCORE", "A score is an object.");
    const id = typeof body["id"] === "string" ? body["id"] : uuid();
    const event = { id, type: "score-create", timestamp: new Date().toISOString(), body: { ...body, id } };
    const { records, rejected } = recordsFromLangfuse({ batch: [event] });
    return { records, rejected, ids: [id], unreadable: rejected.length };
  },
  answer({ ids, rejected }, unstored) {
    const reason = rejected[0]?.reason ?? unstored[0]?.reason;
    return reason === undefined ? json({ id: ids[0] }) : json({ message: reason, error: "InvalidRequestError" }, 400);
  },
  refuse,
};

/** As Langfuse tells its errors. */
function refuse({ status, code, message, headers }: Refusal): Answer {
  return json({ message, error: code }, status, headers);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new Refusal(400, "BAD_JSON", "The body is no JSON.");
  }
}

function textOf(id: unknown): string {
  return typeof id === "string" ? id.slice(0, 100) : "";
}
