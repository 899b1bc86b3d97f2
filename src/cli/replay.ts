import { ConfigError } from "../core/errors.ts";
import { readSink } from "../environment.ts";
import { wrapSink } from "../sinks/wrap-sink.ts";
import { type ReplayFigures, replaySpool } from "../spool/replay.ts";
import { spoolStatus } from "../spool/status.ts";

/** Delivers what dead processes have left, with the figures on stderr meanwhile and one line on stdout at the end. */
export async function replay(dir: string, options: { to: string; from?: string }): Promise<void> {
  const from = options.from ?? (await onlySink(dir));
  if (from === undefined) return say(`${dir}: nothing waits here`);
  const target = readSink(options.to, process.env, "--to");
  // The records are found by the name of the sink that they were spooled for.
  const figures = await replaySpool(dir, wrapSink(target, { name: from }), showProgress);
  if (process.stderr.isTTY) process.stderr.write("\n");
  say(summary(figures));
  if (figures.waiting > 0) process.exitCode = 1;
}

async function onlySink(dir: string): Promise<string | undefined> {
  const sinks = [...new Set((await spoolStatus(dir)).map(({ sink }) => sink))];
  if (sinks.length <= 1) return sinks[0];
  throw new ConfigError("CLI_WHICH_SINK", `"${dir}" holds records of several sinks; say --from ${sinks.join(" or ")}.`);
}

function summary({ found, delivered, waiting, dropped, lastError }: ReplayFigures): string {
  const lost = Object.entries(dropped).map(([reason, count]) => `${count} lost (${reason})`);
  const rest = waiting > 0 ? [`${waiting} wait: ${lastError ?? "no reason given"}`] : [];
  return [`delivered ${delivered} of ${found} records`, ...lost, ...rest].join("; ");
}

/** A line that is written over on a terminal; elsewhere a line each. */
function showProgress({ found, delivered }: ReplayFigures): void {
  const { isTTY } = process.stderr;
  process.stderr.write(`${isTTY ? "\r" : ""}${delivered} of ${found} records${isTTY ? "" : "\n"}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
