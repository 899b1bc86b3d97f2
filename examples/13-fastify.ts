// Two services, one trace: Fastify continues the caller's, and `propagatedFetch` hands it on.
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { configure, consoleSink, observe } from "sightline";
import { fastifyTracing, propagatedFetch } from "sightline/interop/http";

configure({ sinks: [consoleSink()] });

// Your own services only: the client of a model gets `tracedFetch` from sightline/openai.
const ask = propagatedFetch({ to: (url) => url.hostname === "127.0.0.1" });
const look = observe({ name: "look out of the window", type: "tool" }, async (city: string) =>
  city === "Bergen" ? "rain" : "sun",
);

const weather = fastify();
await weather.register(fastifyTracing());
weather.get<{ Params: { city: string } }>("/weather/:city", async ({ params }) => ({
  weather: await look(params.city),
}));

const advice = fastify();
await advice.register(fastifyTracing({ ignore: (request) => request.raw.url === "/health" }));
advice.get("/health", async () => "ok");
advice.get<{ Params: { city: string } }>("/advice/:city", async ({ params }) => {
  const answer = await ask(`${addressOf(weather)}/weather/${params.city}`);
  return (await answer.json()).weather === "rain" ? "Take an umbrella" : "Leave it at home";
});

function addressOf({ server }: { server: typeof weather.server }): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const app of [weather, advice]) await app.listen({ host: "127.0.0.1", port: 0 });
await fetch(`${addressOf(advice)}/health`);
console.log(await (await fetch(`${addressOf(advice)}/advice/Bergen`)).text());
await Promise.all([weather.close(), advice.close()]);
