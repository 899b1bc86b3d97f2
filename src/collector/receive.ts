import type { IncomingMessage } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { TraceRecord } from "../core/record.ts";
import { takeTurn } from "../core/turns.ts";
import type { Answer } from "./answer.ts";
import type { Appender, RejectedRecord } from "./appender.ts";
import type { Budget, Share } from "./budget.ts";
import type { SetCosts } from "./costs.ts";
import type { Feed } from "./feed.ts";
import type { Figures } from "./figures.ts";
import { inflate } from "./inflate.ts";
import type { Limits } from "./limits.ts";
import { createReadingRooms } from "./reading-rooms.ts";
import { receiveBody } from "./receive-body.ts";
import { later, type Refusal } from "./refusal.ts";
import type { Route } from "./routes.ts";
import type { Tail } from "./tail.ts";
import { type TokenBucket, tokenBucket } from "./token-bucket.ts";

/** One of the forms in which records come. */
export interface Form<Read extends ReadBody = ReadBody> {
  /** In figures: `ndjson`, `otlp`, `langfuse`. */
  readonly name: string;
  readonly path: string;
  /**
   * @param bytes good until it resolves
   * @throws Refusal for a body that is none of this form
   */
  read(bytes: Buffer, request: IncomingMessage, project: string): Read | Promise<Read>;
  /** After the records are durable, except for those that the store cannot keep. */
  answer(read: Read, rejected: readonly RejectedRecord[], request: IncomingMessage): Answer;
  refuse?(refusal: Refusal, request: IncomingMessage): Answer;
}

export interface ReadBody {
  readonly records: readonly TraceRecord[];
  /** How many of what came are no records that can be kept. */
  readonly unreadable: number;
}

export interface ReceiveOptions {
  readonly appender: Appender;
  readonly costs: SetCosts;
  readonly feed: Feed;
  readonly tail: Tail;
  readonly figures: Figures;
  readonly limits: Limits;
  readonly budget: Budget;
  readonly clock: Clock;
}

/** Batches whose answers are remembered, in case an answer got lost. Each is some hundred bytes. */
const MAX_ANSWERED = 2_000;
const PRICED_AT_ONCE = 100;
const BATCH_ID = /^[0-9a-f]{32}$/;

/**
 * The line that all records go along, whatever their form: rate → body → records → costs → store → answer. The answer is
 * written after the store has said that they are durable; whoever watches is told after that.
 */
export function receiver(options: ReceiveOptions): <Read extends ReadBody>(form: Form<Read>) => Route {
  const { appender, costs, feed, tail, figures, limits, budget, clock } = options;
  const rates = rateKeeper(limits, clock);
  const inRoom = createReadingRooms();
  const answered = new Map<string, Answer>();

  async function priced(all: readonly TraceRecord[]): Promise<readonly TraceRecord[]> {
    const records: TraceRecord[] = [];
    for (let i = 0; i < all.length; i += PRICED_AT_ONCE) {
      await takeTurn();
      for (const record of costs(all.slice(i, i + PRICED_AT_ONCE))) records.push(record);
    }
    return records;
  }

  /** What came lives no longer than this, what was inflated no longer than its reading. */
  async function readBody(project: string, form: Form<any>, request: IncomingMessage, share: Share): Promise<ReadBody> {
    const sent = await receiveBody(request, limits.bodyBytes, share);
    return inRoom(async (room) => {
      const bytes = await inflate(sent, room, limits.inflatedBytes, share);
      rates.pay(project, bytes.length);
      figures.count("received_bytes_total", {}, bytes.length);
      await takeTurn();
      return form.read(bytes, request, project);
    });
  }

  async function store(project: string, form: Form<any>, request: IncomingMessage, share: Share): Promise<Answer> {
    const read = await readBody(project, form, request, share);
    const records = await priced(read.records);
    const rejected = await appender.append(project, records);
    const isRejected = new Set(rejected.map(({ record }) => record));
    const kept = isRejected.size === 0 ? records : records.filter((record) => !isRejected.has(record));
    figures.count("records_total", { form: form.name }, kept.length);
    figures.count("rejected_total", { reason: "unreadable" }, read.unreadable);
    figures.count("rejected_total", { reason: "not_storable" }, rejected.length);
    feed.see(kept);
    tail.appended(
      project,
      kept.flatMap(({ traceId }) => traceId ?? []),
    );
    return form.answer(read, rejected, request);
  }

  return (form) => ({
    name: form.path,
    path: form.path,
    method: "POST",
    access: "sender",
    ...(form.refuse && { refuse: form.refuse }),
    async handle({ request, project }) {
      rates.ask(project);
      const batch = String(request.headers["x-sightline-batch"]);
      const key = `${project} ${batch}`;
      const known = answered.get(key);
      if (known !== undefined) return known;
      const share = budget.share();
      try {
        const answer = await store(project, form, request, share);
        if (BATCH_ID.test(batch)) remember(key, answer);
        return answer;
      } finally {
        share.end();
      }
    },
  });

  /** The oldest goes. */
  function remember(key: string, answer: Answer): void {
    answered.set(key, answer);
    const [oldest] = answered.keys();
    if (answered.size > MAX_ANSWERED) answered.delete(oldest!);
  }
}

interface RateKeeper {
  /** @throws Refusal 429 when the project has sent too much lately */
  ask(project: string): void;
  pay(project: string, bytes: number): void;
}

function rateKeeper({ requestsPerSecond, bytesPerSecond }: Limits, clock: Clock): RateKeeper {
  const buckets = new Map<string, { requests?: TokenBucket; bytes?: TokenBucket }>();
  const of = (project: string) => {
    const found = buckets.get(project) ?? {
      ...(requestsPerSecond !== undefined && { requests: tokenBucket(requestsPerSecond, clock) }),
      ...(bytesPerSecond !== undefined && { bytes: tokenBucket(bytesPerSecond, clock) }),
    };
    buckets.set(project, found);
    return found;
  };
  return {
    ask(project) {
      const { requests, bytes } = of(project);
      const waitMs = Math.max(requests?.waitMs() ?? 0, bytes?.waitMs() ?? 0);
      if (waitMs > 0) {
        throw later(429, "RATE_LIMITED", `The project ${project} sends more than it may; come again.`, waitMs);
      }
      requests?.take(1);
    },
    pay: (project, bytes) => of(project).bytes?.take(bytes),
  };
}
