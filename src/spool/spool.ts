import { ConfigError } from "../core/errors.ts";
import type { DropReason } from "../core/runtime.ts";
import type { Sink, SinkStats } from "../sinks/sink.ts";
import { checkSpoolOptions, type SpoolOptions } from "./options.ts";
import { createSession, placeOf } from "./session.ts";

/**
 * Puts a disk between the pipeline and a sink: a record is taken when it is in a file, and sent from there until the
 * sink takes it, by this process or by the next one. At least once: what was sent as the process died is sent again,
 * with the same ids.
 *
 * Each process has a directory of its own below `dir`; what dead processes left is taken over at the start and every 10 s,
 * by exactly one of those that live. No death of the process loses what is on disk; a power cut may lose the last `syncMs`.
 * Damaged lines are skipped and counted (`corrupt`). On a full or broken disk records go to the sink directly, kept in
 * memory meanwhile by the pipeline, until writing works again. A sink that says `never` (an expired key, a wrong address)
 * is waited for. What is left behind belongs to a sink's name and address: with one address and different headers, name them.
 *
 * @throws ConfigError for a directory or option that makes no sense
 * @example
 * import { httpSink } from "sightline/sinks/http";
 * configure({ sinks: [spool(httpSink({ url: "https://collector.example/v1/records" }), { dir: "./.traces/spool" })] });
 */
export function spool(sink: Sink, options: SpoolOptions): Sink {
  const checked = checkSpoolOptions(sink, options);
  if (sink.modelCalls !== undefined) {
    throw new ConfigError(
      "CONFIG_SINK",
      `spool() does not take "${sink.name}", which decides on calls by the records it has: from a disk they would come late. ` +
        "Give it to configure({ sinks }) as it is.",
    );
  }
  if (sink.through !== undefined) return sink.through((inner) => spool(inner, options));
  const name = `spool(${sink.name})`;
  let session = createSession(sink, name, checked);
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  /** What the books said when the newest configuration began. */
  let before: SinkStats = { replayed: 0, spooled: 0, dropped: {} };

  function open(): void {
    if (openers++ === 0) sink.open?.();
    else before = session.stats();
    if (session.isClosed) {
      const ended = session.close();
      session = createSession(sink, name, checked);
      before = { replayed: 0, spooled: 0, dropped: {} };
      const { claim } = session;
      void ended.catch(() => {}).then(claim);
    }
    session.start();
  }

  async function close(signal?: AbortSignal): Promise<void> {
    openers = Math.max(0, openers - 1);
    if (openers === 0) await session.close(signal);
  }

  /** The newest configuration's: what waited when it began was found there. */
  function stats(): SinkStats {
    const now = session.stats();
    return {
      ...now,
      taken: (now.taken ?? 0) - (before.taken ?? 0),
      replayed: now.replayed - before.replayed + before.spooled,
      dropped: since(now.dropped, before.dropped),
    };
  }

  const policy = checked.durability === "batch" ? sink.policy : { ...sink.policy, durability: checked.durability };
  return {
    name,
    get destination() {
      return placeOf(sink, checked.dir);
    },
    write: (batch, signal) => session.write(batch, signal),
    writeSync: (batch) => session.writeSync(batch),
    flush: (signal) => session.flush(signal),
    close,
    open,
    stats,
    ...(policy && { policy }),
  };
}

function since(now: SinkStats["dropped"], before: SinkStats["dropped"]): SinkStats["dropped"] {
  const more = (Object.entries(now) as [DropReason, number][]).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  );
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}
