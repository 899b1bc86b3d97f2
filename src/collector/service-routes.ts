import type { TraceStore } from "../store/trace-store.ts";
import { takesGzip, text } from "./answer.ts";
import type { Figures, Gauges } from "./figures.ts";
import type { Files } from "./files.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./routes.ts";
import type { StoreHealth } from "./store-health.ts";

export interface ServiceOptions {
  readonly store: TraceStore;
  readonly health: StoreHealth;
  readonly figures: Figures;
  readonly gauges: () => Promise<Gauges>;
  readonly assets: Files;
  /** The same files, compressed. */
  readonly zipped: Files;
}

/** Probes ask often, and may not be what the store is busy with. */
const READY_MS = 2_000;

/** What those ask who run it, and the files of the viewer. */
export function serviceRoutes({ store, health, figures, gauges, assets, zipped }: ServiceOptions): readonly Route[] {
  const get = (path: string, access: Route["access"], handle: Route["handle"]): Route => ({
    name: path,
    path,
    method: "GET",
    access,
    handle,
  });
  const files = [...assets.keys()].map((path) =>
    get(path, "everyone", async ({ request }) => (takesGzip(request) ? zipped : assets).get(path)),
  );
  if (!assets.has("/")) {
    files.push(
      get("/", "everyone", async () => text("The viewer's files are not here; npm run build makes them.\n", 404)),
    );
  }
  return [
    ...files.map((route) => ({ ...route, name: "viewer" })),
    get("/healthz", "everyone", async () => text("ok\n")),
    get("/readyz", "everyone", async () => {
      const { trouble } = health;
      // No more than its code: the message names places on this machine.
      if (trouble !== undefined) {
        throw new Refusal(503, "NOT_READY", `The store keeps nothing now: ${trouble.code}.`, trouble.headers);
      }
      if (await answersWithin(store.revision(), READY_MS)) return text("ready\n");
      throw new Refusal(503, "NOT_READY", "The store does not answer.", { "retry-after": "1" });
    }),
    get("/metrics", "viewer", async () => {
      const body = figures.text(await gauges());
      return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" }, body };
    }),
  ];
}

async function answersWithin(asked: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms).unref();
  });
  try {
    return await Promise.race([asked.then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
