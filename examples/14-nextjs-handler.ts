// A route handler of Next.js: it continues the caller's trace, and its records go out after the response.
import { configure, consoleSink, flushAfter, observe, withContext, withSpan } from "sightline";

configure({ sinks: [consoleSink()] });

const answer = observe("answer", async (question: string) => `You asked: ${question}`);

// app/api/ask/route.ts, with `import { after } from "next/server"`; on Vercel without Next.js, `waitUntil`.
const POST = flushAfter(
  (request: Request) =>
    withContext(request.headers, () =>
      withSpan("POST /api/ask", { kind: "server" }, async (span) => {
        span.update({ attributes: { "http.request.method": "POST", "http.route": "/api/ask" } });
        const { question } = await request.json();
        return Response.json({ answer: await answer(question) });
      }),
    ),
  { waitUntil: () => after },
);

// What the platform does: it keeps the process until these are done.
const pending: Promise<unknown>[] = [];
function after(work: Promise<unknown>): void {
  pending.push(work);
}
const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
const body = JSON.stringify({ question: "why?" });
const response = await POST(new Request("https://host/api/ask", { method: "POST", headers, body }));
console.log(await response.text());
await Promise.all(pending);
