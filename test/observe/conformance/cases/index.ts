import type { Case } from "../case.ts";
import { iterators } from "./iterators.ts";
import { nodeStreams } from "./node-streams.ts";
import { promises } from "./promises.ts";
import { thenables } from "./thenables.ts";
import { values } from "./values.ts";
import { responses, webStreams } from "./web-streams.ts";

/** Every return kind with every outcome. */
export const cases: readonly Case[] = [
  ...values,
  ...promises,
  ...thenables,
  ...iterators,
  ...nodeStreams,
  ...webStreams,
  ...responses,
];
