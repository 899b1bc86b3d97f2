/** Reads a file and says what is in it and by how much memory has grown. */
import { readRecords } from "sightline";
import { mebibytes, peakRss, rss } from "./memory.mjs";

const { path } = JSON.parse(process.argv[2]);
const before = rss();
const corrupt = [];
let records = 0;
for await (const _ of readRecords(path, { onCorrupt: (line) => corrupt.push(line) })) records++;
console.log(JSON.stringify({ records, corrupt, grownMiB: mebibytes(peakRss() - before) }));
