// A job belongs to the trace that queued it: its payload carries the context. So with BullMQ, SQS or a table of jobs.
import { fork } from "node:child_process";
import { once } from "node:events";
import { carrier, configure, consoleSink, flush, observe, updateTrace, withContext, withSpan } from "sightline";

// Both sides name what travels with the trace; nothing else does.
configure({ sinks: [consoleSink()], baggage: { "user.id": "userId" } });

const send = observe({ name: "send mail", type: "tool" }, async (to: string) => `sent to ${to}`);

if (process.send === undefined) {
  const worker = fork(new URL(import.meta.url), { execArgv: process.execArgv });
  await withSpan("sign up", async () => {
    updateTrace({ userId: "ada" });
    withSpan("enqueue welcome", { kind: "producer" }, () => {
      worker.send(JSON.stringify({ to: "ada@example.com", context: carrier() }));
    });
  });
  await once(worker, "exit");
} else {
  const [payload] = await once(process, "message");
  const { to, context } = JSON.parse(payload);
  // Each attempt is a child of the span that queued the job, with its number.
  for (let attempt = 1; attempt <= 2; attempt++) {
    const work = () =>
      withSpan("process welcome", { kind: "consumer", metadata: { attempt } }, async () => {
        if (attempt === 1) throw new Error("mail server is busy");
        console.log(await send(to));
      });
    await withContext(context, work).catch(() => {});
  }
  await flush();
  process.disconnect();
}
