import { statSync } from "node:fs";
import { count } from "../../sinks/console-text.ts";
import { spoolStatus } from "../../spool/status.ts";
import { bytesText, timeText } from "../quantities.ts";
import { openStore, type Spec, specOf } from "../source.ts";
import { type Check, ok, problem, warning } from "./check.ts";

/** Who has records on disk, and whether somebody delivers them. */
export async function checkSpool(dir: string | undefined): Promise<Check[]> {
  const place = dir ?? ".traces/spool";
  if (statSync(place, { throwIfNoEntry: false }) === undefined) {
    return dir === undefined ? [] : [ok("spool", `${dir} is not there yet; nothing waits`)];
  }
  const owners = await spoolStatus(place);
  if (owners.length === 0) return [ok("spool", `${place}: nothing waits`)];
  return owners.map(({ sink, waiting, bytes, isLiving, host, pid }) => {
    const what = `${count(waiting)} records for ${sink}, ${bytesText(bytes)}`;
    if (isLiving) return ok("spool", `${what}, are delivered by ${host} pid ${pid}`);
    return warning(
      "spool",
      `${what}, were left by a process that is gone`,
      `start the program again, or: sightline replay ${place} --to <sink>`,
    );
  });
}

/** Whether the store can be opened and asked. */
export async function checkStore(named: string | undefined): Promise<Check[]> {
  const path = named ?? (statSync("traces.db", { throwIfNoEntry: false }) ? "traces.db" : undefined);
  if (path === undefined) return [];
  let spec: Spec;
  try {
    spec = specOf([path]);
  } catch (error) {
    return [problem("store", (error as Error).message, "name one that is there")];
  }
  if (spec.kind !== "sqlite" && spec.kind !== "clickhouse")
    return [problem("store", `${path} is no store`, "name a SQLite file of sightline serve, or clickhouse://…")];
  const store = await openStore(spec, { readOnly: true });
  try {
    const { traces, spans, bytes, newestUs } = await store.stats();
    const size = bytes === undefined ? "" : `, ${bytesText(bytes)}`;
    const newest = newestUs === undefined ? "" : `, the newest of ${timeText(newestUs)}`;
    return [ok("store", `${store.name}: ${count(traces)} traces, ${count(spans)} spans${size}${newest}`)];
  } catch (error) {
    return [problem("store", (error as Error).message, "see what it says; sightline import makes a new one of files")];
  } finally {
    await store.close();
  }
}
