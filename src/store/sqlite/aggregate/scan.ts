import type { AggregateQuery } from "../../trace-store.ts";
import type { Connection } from "../connection.ts";
import type { Groups } from "./groups.ts";
import type { Tally } from "./tally.ts";

/** What is counted, and where the counts go. */
export interface Scan {
  readonly connection: Connection;
  readonly project: number;
  readonly query: AggregateQuery;
  readonly groups: Groups;
  readonly byUser: boolean;
  /** The only one who counts; 0: those without. */
  readonly user: number | undefined;
  readonly tally: Tally;
}
