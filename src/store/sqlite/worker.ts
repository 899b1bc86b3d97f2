import { parentPort, workerData } from "node:worker_threads";
import { answerCalls } from "./calls.ts";
import { createEngine } from "./engine.ts";

/** What a store's thread runs: an engine on one connection. */
answerCalls(createEngine(workerData), parentPort!);
