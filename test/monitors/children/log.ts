/** Logs calls: through the loggers that are named, right before its exit; without names for a while to standard output. */
import pino from "pino";
import { configure, generation } from "sightline";
import winston from "winston";
import { type LogSinkOptions, logSink } from "../../../src/monitors/log/log-sink.ts";

const say = (i: number): unknown => generation({ model: "gpt-4.1", usage: { input_tokens: i } });

const names = process.argv.slice(2);

if (names.length > 0) {
  const loggers: { readonly [name: string]: LogSinkOptions } = {
    stdout: {},
    pino: { logger: pino() },
    child: { logger: pino().child({}) },
    winston: { logger: winston.createLogger({ transports: [new winston.transports.Console()] }) },
    console: { logger: console },
  };
  const sinks = names.map((name) => logSink({ ...loggers[name], name, fields: { by: name } }));
  sinks.push(
    logSink({
      logger: ({ input_tokens }) => {
        if (Number(input_tokens) > 498) throw new Error();
      },
      name: "throwing",
    }),
  );
  configure({ sinks, prices: false });
  for (let i = 1; i <= 500; i++) say(i);
  process.exit(0);
} else {
  configure({ sinks: [logSink()], prices: false });
  for (let i = 0; i < 10; i++) {
    for (let n = 0; n < 500; n++) say(n);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.stderr.write("done");
}
