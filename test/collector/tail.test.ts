/** The live view: who is told what, and when; and a reader that does not read. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Reading, TailEvent } from "../../src/collector/api.ts";
import { tailClient } from "../../src/collector/tail-client.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { lines, postRecords, spans, started, storeWith, until } from "./support.ts";

interface Following {
  readonly events: TailEvent[];
  /** Of `changed`, in order. */
  readonly traceIds: () => string[];
}

/** Reads the tail; everything that was told so far is in `events`. */
async function follow(t: TestContext, url: string, query = "", headers = {}): Promise<Following> {
  const calledOff = new AbortController();
  t.after(() => calledOff.abort());
  const response = await fetch(`${url}/api/tail${query}`, { signal: calledOff.signal, headers });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const events: TailEvent[] = [];
  const read = async (): Promise<void> => {
    let text = "";
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const whole = text.split("\n\n");
      text = whole.pop()!;
      for (const each of whole) {
        const data = /^data: (.*)$/m.exec(each)?.[1];
        if (data === undefined) continue;
        const event = JSON.parse(data) as TailEvent;
        assert.equal(/^event: (.*)$/m.exec(each)![1], event.event);
        events.push(event);
      }
    }
  };
  read().catch(() => {});
  return {
    events,
    traceIds: () => events.flatMap((event) => (event.event === "changed" ? event.traceIds : [])),
  };
}

test("records that come to this process are told by their traces, in their project only", async (t) => {
  const projects = { a: "token-of-project-a", b: "token-of-project-b" };
  const { url } = await started(t, { projects });
  const [a, b] = [await follow(t, url, "?project=a"), await follow(t, url, "?project=b")];
  const all = spans(3);
  const post = (token: string, records: readonly unknown[]) =>
    postRecords(url, lines(records), { authorization: `Bearer ${token}` });
  await post(projects.a, all.slice(0, 2));
  await until(() => a.traceIds().length >= 2);
  await post(projects.b, all.slice(2));
  await until(() => b.traceIds().length >= 1);
  assert.deepEqual(a.traceIds(), [all[0]!.traceId, all[1]!.traceId]);
  assert.deepEqual(b.traceIds(), [all[2]!.traceId]);
});

test("what is more than can be told is told as: ask anew", async (t) => {
  const { url } = await started(t);
  const { events } = await follow(t, url);
  await postRecords(url, lines(spans(1_050)));
  await until(() => events.length > 0);
  assert.deepEqual(events[0], { event: "changed", traceIds: [] });
});

test("what another process appends is told by the store's revision", async (t) => {
  let revision = 1;
  const { url } = await started(t, { store: storeWith({ revision: async () => String(revision) }) });
  const { events } = await follow(t, url);
  revision++;
  await until(() => events.length > 0);
  assert.deepEqual(events, [{ event: "changed", traceIds: [] }]);
});

test("after a burst of its own, and no sooner, one look at what others may have added meanwhile", async (t) => {
  const all = spans(2);
  let asked = 0;
  let url = "";
  const store = storeWith({
    revision: async () => {
      // The collector's own question before it listens.
      if (url === "") return "0";
      const span = all[asked++];
      // Something of its own comes whenever the revision is asked for: it cannot tell whose change it is.
      if (span !== undefined) await postRecords(url, lines([span]));
      return String(asked);
    },
  });
  ({ url } = await started(t, { store }));
  const { events } = await follow(t, url);
  await until(() => events.length === 3);
  assert.deepEqual(
    events.map((event) => event.event === "changed" && event.traceIds),
    [[all[0]!.traceId], [all[1]!.traceId], []],
  );
});

test("the reading of files is told as it goes on, and to those who come later", async (t) => {
  let reading: Reading = { source: "a.ndjson", bytes: 0, totalBytes: 10, records: 0, damaged: 0, isDone: false };
  const { url } = await started(t, { reading: () => reading });
  const first = await follow(t, url);
  await until(() => first.events.length === 1);
  reading = { ...reading, bytes: 10, records: 3, isDone: true };
  await until(() => first.events.length === 2);
  assert.deepEqual(first.events[1], { event: "reading", reading });
  const second = await follow(t, url);
  await until(() => second.events.length === 1);
  assert.deepEqual(second.events, [{ event: "reading", reading }]);
  assert.deepEqual(((await (await fetch(`${url}/api/about`)).json()) as any).reading, reading);
});

test("no more than the limit, and room again when one goes", async (t) => {
  const { url } = await started(t, { limits: { tails: 1 } });
  const held = new AbortController();
  await fetch(`${url}/api/tail`, { signal: held.signal });
  const second = await fetch(`${url}/api/tail`);
  assert.equal(second.status, 503);
  assert.equal(second.headers.get("retry-after"), "5");
  held.abort();
  await until(async () => {
    const calledOff = new AbortController();
    const { status } = await fetch(`${url}/api/tail`, { signal: calledOff.signal });
    calledOff.abort();
    return status === 200;
  });
});

test("a client that never reads costs one event of each kind, and is told to ask anew", () => {
  const written: string[] = [];
  let isOpen = false;
  let drained = (): void => {};
  const response = {
    destroyed: false,
    write: (text: string) => {
      written.push(text);
      return isOpen;
    },
    on: (_: string, listener: () => void) => {
      drained = listener;
    },
  };
  return new Promise<void>((resolve) => {
    const client = tailClient(response as never);
    client.changed(["first"]);
    setImmediate(() => {
      assert.equal(written.length, 1);
      for (let i = 0; i < 10_000; i++) client.changed([`trace ${i}`]);
      const reading: Reading = { source: "", bytes: 0, totalBytes: 0, records: 0, damaged: 0, isDone: false };
      for (let i = 0; i < 1_000; i++) client.tell({ event: "reading", reading: { ...reading, bytes: i } });
      client.beat();
      setImmediate(() => {
        assert.equal(written.length, 1, "nothing is written to who does not read");
        isOpen = true;
        drained();
        const told = written.slice(1).map((text) => JSON.parse(/^data: (.*)$/m.exec(text)![1]!));
        assert.deepEqual(told, [
          { event: "reading", reading: { ...reading, bytes: 999 } },
          { event: "changed", traceIds: [] },
        ]);
        resolve();
      });
    });
  });
});

test("a view that nobody reads holds up neither senders nor others", async (t) => {
  const { url } = await started(t);
  const response = await fetch(`${url}/api/tail`);
  t.after(() => response.body?.cancel());
  const batch = lines(spans(90).map((span) => ({ ...span, input: "x" })));
  for (let i = 0; i < 60; i++) await postRecords(url, batch);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /tails 1\n/);
  assert.equal((await postRecords(url, lines([sampleSpan()]))).status, 200);
});
