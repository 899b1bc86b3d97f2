// Every request of an Express server is one trace; a caller's traceparent is continued.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { configure, consoleSink, observe, updateTrace, withContext, withSpan } from "sightline";

configure({ sinks: [consoleSink()] });

class Weather {
  @observe({ type: "tool" })
  async forecast(city: string): Promise<string> {
    return city === "Bergen" ? "rain" : "sun";
  }
}

const weather = new Weather();
const app = express();

app.use((request, response, next) => {
  withContext(request.headers, () =>
    withSpan(`${request.method} ${request.path}`, { kind: "server" }, (span) => {
      const done = new Promise<void>((resolve) => response.once("close", resolve));
      next();
      return done.then(() => span.update({ attributes: { "http.response.status_code": response.statusCode } }));
    }),
  );
});

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
