import { type Collector, type CollectorOptions, collector } from "../collector/index.ts";
import { ConfigError } from "../core/errors.ts";

const FIRST_PORT = 4_600;
const LAST_PORT = 4_699;

/** On the port that is asked for, else on the first that is free from 4600 on. @throws ConfigError */
export async function listen(options: CollectorOptions): Promise<Collector> {
  if (options.port !== undefined) return collector(options);
  for (let port = FIRST_PORT; port < LAST_PORT; port++) {
    try {
      return await collector({ ...options, port });
    } catch (error) {
      if (!(error instanceof ConfigError) || error.code !== "CONFIG_PORT_TAKEN") throw error;
    }
  }
  return collector({ ...options, port: 0 });
}
