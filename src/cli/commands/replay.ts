import { ConfigError } from "../../core/errors.ts";
import { readSink } from "../../environment.ts";
import { wrapSink } from "../../sinks/wrap-sink.ts";
import { type ReplayFigures, replaySpool } from "../../spool/replay.ts";
import { spoolStatus } from "../../spool/status.ts";
import { type Command, command } from "../command.ts";
import { say } from "../output.ts";
import { checkSpoolDirectory } from "../spool-directory.ts";

export const replay: Command = command({
  about:
    "Delivers what processes that are dead have left; exits with 1 when records remain. Headers for an http sink come from SIGHTLINE_HEADERS, key=value pairs separated by commas.",
  args: {
    dir: { type: "positional", required: true, description: "the directory given to spool()" },
    to: {
      type: "string",
      valueHint: "sink",
      required: true,
      description: "console, console:json, file:<path>, http(s)://<host>/<path>, otlp or langfuse",
    },
    from: {
      type: "string",
      valueHint: "sink",
      description: "whose records, as status names it; needed when the directory holds several",
    },
    json: { type: "boolean", description: "the figures as JSON" },
  },
  examples: [["replay .traces/spool --to https://collector.example/v1/records", "after a crash, or an outage"]],
  run: ({ args: { dir, to, from, json } }) => deliver(dir, { to, from, json }),
});

/** Delivers what dead processes have left, with the figures on stderr meanwhile and one line on stdout at the end. */
async function deliver(
  dir: string,
  options: { to: string; from: string | undefined; json: boolean | undefined },
): Promise<void> {
  checkSpoolDirectory(dir);
  const target = readSink(options.to, process.env, "--to");
  const from = await whose(dir, options.from);
  if (from === undefined) {
    return say(options.json ? '{"found":0,"delivered":0,"waiting":0,"dropped":{}}' : `${dir}: nothing waits here`);
  }
  // The records are found by the name of the sink that they were spooled for.
  const figures = await replaySpool(dir, wrapSink(target, { name: from, destination: undefined }), showProgress);
  if (process.stderr.isTTY) process.stderr.write("\n");
  say(options.json ? JSON.stringify(figures) : summary(figures));
  if (figures.delivered < figures.found) process.exitCode = 1;
}

/** The only sink with records, or the one that is asked for. What a living process has stays with it. */
async function whose(dir: string, asked: string | undefined): Promise<string | undefined> {
  const owners = await spoolStatus(dir);
  for (const { sink, host, pid, waiting } of owners.filter(({ isLiving }) => isLiving)) {
    process.stderr.write(`${waiting} records for ${sink} are left to ${host} pid ${pid}, which is alive\n`);
  }
  const sinks = [...new Set(owners.map(({ sink }) => sink))];
  if (asked !== undefined && !sinks.includes(asked)) {
    throw new ConfigError(
      "CLI_WHICH_SINK",
      `"${dir}" has no records of "${asked}"; it has ${sinks.join(", ") || "none"}.`,
    );
  }
  if (asked !== undefined || sinks.length <= 1) return asked ?? sinks[0];
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
