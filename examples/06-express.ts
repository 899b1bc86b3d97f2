// Every request of an Express server is one trace; a caller's traceparent is continued.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { configure, consoleSink, observe, updateTrace } from "sightline";
import { traceRequests } from "sightline/interop/http";

configure({ sinks: [consoleSink()] });

class Weather {
  @observe({ type: "tool" })
  async forecast(city: string): Promise<string> {
    return city === "Bergen" ? "rain" : "sun";
  }
}

const weather = new Weather();
const app = express();

app.use(traceRequests()); // before all others

app.get("/forecast/:city", async (request, response) => {
  updateTrace({ userId: request.header("x-user-id") ?? "anonymous" });
  response.json({ forecast: await weather.forecast(request.params.city) });
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const answer = await fetch(`http://127.0.0.1:${port}/forecast/Bergen`, {
  headers: { "x-user-id": "ada", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
});
console.log(await answer.json());
server.close();
