// Serverless: a platform may freeze the process once the result is out, so the records go first, or by `waitUntil`.
import { configure, consoleSink, flushAfter, observe } from "sightline";

configure({ sinks: [consoleSink()] });

const summarize = observe("summarize", async (text: string) => `${text.split(" ")[0]}…`);

// AWS Lambda (`export const handler`): the result is out when all is delivered, or after 2 s.
const handler = flushAfter(async (event: { text: string }, _context: object) => ({
  statusCode: 200,
  body: await summarize(event.text),
}));

// Cloudflare (`export default`): the result is out at once. Vercel likewise, with `waitUntil: () => waitUntil`.
interface Context {
  waitUntil(promise: Promise<unknown>): void;
}
const worker = {
  fetch: flushAfter(
    async (request: Request, _env: object, _ctx: Context) => new Response(await summarize(await request.text())),
    { waitUntil: (_request, _env, ctx) => (promise) => ctx.waitUntil(promise) },
  ),
};

// What the platforms do.
console.log(await handler({ text: "Lorem ipsum" }, {}));
const request = new Request("https://host/", { method: "POST", body: "ipsum dolor" });
const response = await worker.fetch(request, {}, { waitUntil: () => {} });
console.log(await response.text());
