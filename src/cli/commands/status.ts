import { type SpoolOwner, spoolStatus } from "../../spool/status.ts";
import { type Command, command } from "../command.ts";
import { checkSpoolDirectory } from "../spool-directory.ts";

export const status: Command = command({
  about: "Who has records on disk, how many, and whether somebody delivers them.",
  args: {
    dir: { type: "positional", required: true, description: "the directory given to spool()" },
    json: { type: "boolean", description: "one JSON array instead of a table" },
  },
  examples: [["spool status .traces/spool", "what waits there"]],
  async run({ args: { dir, json } }) {
    checkSpoolDirectory(dir);
    const owners = await spoolStatus(dir);
    process.stdout.write(json ? `${JSON.stringify(owners, null, 2)}\n` : statusText(dir, owners));
  },
});

const HEAD = ["sink", "records", "bytes", "segments", "owner", "state"];

function statusText(dir: string, owners: readonly SpoolOwner[]): string {
  if (owners.length === 0) return `${dir}: nothing waits here\n`;
  const rows = [HEAD, ...owners.map(row)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i > 0 && i < 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}

function row({ sink, waiting, bytes, segments, host, pid, isLiving }: SpoolOwner): string[] {
  const owner = pid === 0 ? `${host} (closed)` : `${host} pid ${pid}`;
  const figures = [waiting, bytes, segments].map((figure) => figure.toLocaleString("en"));
  return [sink, ...figures, owner, isLiving ? "delivering" : "left behind"];
}
