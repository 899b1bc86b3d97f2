#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { SightlineError } from "../core/errors.ts";
import { replay } from "./replay.ts";
import { status } from "./status.ts";

// The same distance from `src/` and from `dist/`.
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const program = new Command("sightline")
  .description("Looks at what Sightline has written, and moves it on.")
  .version(version);
const spool = program.command("spool").description("what spool() keeps on disk until a sink takes it");

spool
  .command("status")
  .description("who has records on disk, how many, and whether somebody delivers them")
  .argument("<dir>", "the directory given to spool()")
  .option("--json", "one JSON array instead of a table")
  .action(status);

spool
  .command("replay")
  .description("delivers what processes that are dead have left; exits with 1 when records remain")
  .argument("<dir>", "the directory given to spool()")
  .requiredOption("--to <sink>", "console, console:json, file:<path> or http(s)://<host>/<path>")
  .option("--from <sink>", "whose records, as status names it; needed when the directory holds several")
  .addHelpText("after", "\nHeaders for an http sink come from SIGHTLINE_HEADERS, key=value pairs separated by commas.")
  .action(replay);

try {
  await program.parseAsync();
} catch (error) {
  // What a user did wrong is a sentence; anything else is ours and shows where.
  process.stderr.write(`sightline: ${error instanceof SightlineError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 2;
}
