import type { Case } from "../case.ts";
import type { World } from "../world.ts";

const USES: Readonly<Record<string, (response: Response, w: World) => unknown>> = {
  nothing: () => {},
  text: (response, w) => w.settle("text", response.text()),
  json: (response, w) => w.settle("json", response.json()),
  "clone and text": async (response, w) => {
    const clone = response.clone();
    await w.settle("text", response.text());
    await w.settle("clone", clone.text());
  },
  "its body's reader": async (response, w) => {
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    w.log("read", value?.byteLength);
    await w.settle("cancel", reader?.cancel("enough"));
  },
  "its shape": (response, w) => {
    w.log("shape", response.status, response.ok, response.bodyUsed, response.headers.get("x-request-id"), response.url);
    w.log("body", response.body?.locked, Object.keys(response));
  },
};

export const responses: readonly Case[] = Object.entries(USES).flatMap(([how, use]) =>
  [200, 404].map(
    (status): Case => ({
      name: `Response ${status}: ${how}`,
      body: (w) => w.tag("response", new Response('{"a":1}', { status, headers: { "x-request-id": "r1" } })),
      use: async (call, w) => {
        const response = w.attempt("call", call) as Response;
        w.log("returned", { response });
        if (response instanceof Response) await use(response, w);
      },
      slack: 40,
    }),
  ),
);
