import type { Case } from "../case.ts";
import { eventStreams } from "./event-streams.ts";
import { generators } from "./generators.ts";
import { iterators } from "./iterators.ts";
import { nodeStreams } from "./node-streams.ts";
import { promises } from "./promises.ts";
import { responses } from "./responses.ts";
import { thenables } from "./thenables.ts";
import { values } from "./values.ts";
import { webStreams } from "./web-streams.ts";

/** Every return kind with every outcome. */
export const cases: readonly Case[] = [
  ...values,
  ...promises,
  ...thenables,
  ...generators,
  ...iterators,
  ...eventStreams,
  ...nodeStreams,
  ...webStreams,
  ...responses,
];
