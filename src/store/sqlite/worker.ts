import { parentPort, workerData } from "node:worker_threads";
import { answerCalls } from "./calls.ts";
import { createEngine } from "./engine.ts";
import { answerStatement } from "./sql-child.ts";

/** What a store's threads run, an engine on one connection; and what the process of a statement runs. */
if (parentPort) answerCalls(createEngine(workerData), parentPort);
else answerStatement();
