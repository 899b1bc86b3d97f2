/** `healthy-child.ts <seed> <hours>`: who was told of what, as JSON. In a process of its own, for a core of its own. */
import { HEALTHY, randomOf } from "./simulated-calls.ts";
import { simulatedService } from "./simulated-service.ts";

const [seed, hours] = process.argv.slice(2).map(Number) as [number, number];
const service = simulatedService(randomOf(seed), 100);
await service.run(hours * 3_600_000, HEALTHY);
const told = service.events.filter(({ to, isQuiet }) => to === "firing" && !isQuiet);
const states = new Set(service.events.map(({ to }) => to));
console.log(
  JSON.stringify({
    told: told.map(({ alert: { rule, message } }) => ({ severity: rule.severity, name: rule.name, message })),
    states: [...states],
  }),
);
