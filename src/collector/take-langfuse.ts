import { uuid } from "../core/ids.ts";
import { takeTurn } from "../core/turns.ts";
import { eventPieces } from "../formats/langfuse/event-pieces.ts";
import { langfuseMemory } from "../formats/langfuse/memory.ts";
import { eventSteps, recordsFromLangfuse } from "../formats/langfuse/records-from-langfuse.ts";
import type { LangfuseRecords } from "../formats/langfuse/results.ts";
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
  const projects = new Map<string, ReturnType<typeof oneAfterTheOther>>();
  return {
    name: "langfuse",
    path: "/api/public/ingestion",
    async read(bytes, _, project) {
      const take = projects.get(project) ?? oneAfterTheOther();
      projects.set(project, take);
      const { events, records, rejected } = await take(eventsIn(bytes));
      const ids = events.map((event) => textOf((event as { id?: unknown } | null)?.id));
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

async function eventsIn(bytes: Buffer): Promise<readonly unknown[]> {
  const events: unknown[] = [];
  const pieces = eventPieces(bytes);
  for (;;) {
    const step = parsed(() => pieces.next());
    if (step.done && !step.value) throw new Refusal(400, "BAD_BATCH", "The body must have a list named batch.");
    if (step.done) return events;
    for (const event of step.value) events.push(event);
    await takeTurn();
  }
}

type Events = readonly unknown[];

/** What batches of a project say adds up, so that one waits for those that came before, also while they are parsed. */
function oneAfterTheOther(): (coming: Promise<Events>) => Promise<LangfuseRecords & { readonly events: Events }> {
  const memory = langfuseMemory(MAX_KNOWN);
  let last: Promise<unknown> = Promise.resolve();

  async function take(coming: Promise<Events>): Promise<LangfuseRecords & { readonly events: Events }> {
    const [events] = await Promise.all([coming, last]);
    const steps = eventSteps(events, { memory });
    for (;;) {
      const step = steps.next();
      if (step.done) return { events, ...step.value };
      await takeTurn();
    }
  }

  return (coming) => {
    const [before, taken] = [last, take(coming)];
    // One that is no batch is refused at once; and what was told is not kept.
    last = taken.then(
      () => {},
      () => before,
    );
    return taken;
  };
}

/** One score, as `langfuseSink` sends them. */
export const takeScore: Form<ReadEvents> = {
  name: "langfuse",
  path: "/api/public/scores",
  read(bytes) {
    const body = parsed(() => JSON.parse(bytes.toString())) as { [name: string]: unknown };
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

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Refusal(400, "BAD_JSON", "The body is no JSON.");
  }
}

function textOf(id: unknown): string {
  return typeof id === "string" ? id.slice(0, 100) : "";
}
