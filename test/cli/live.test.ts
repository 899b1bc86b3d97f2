/** What runs until it is told to end: view, serve, tail; and asking a collector from afar. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { opener } from "../../src/cli/open-browser.ts";
import { remoteStore } from "../../src/cli/remote-store.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { type CommandLine, commandLine, firstLine, interrupt } from "./support/program.ts";
import { chatTraces, lines, tutorTrace } from "./support/traces.ts";

/** Each starts several programs; what hangs ends here. */
const LIMIT_MS = 300_000;
const TOKEN = "abcdefghijklmnop";
let cli: CommandLine;

before(async () => {
  cli = await commandLine("cli-live");
});
after(() => cli.remove());

const json = async (url: string) => (await fetch(url)).json() as Promise<any>;
const until = async (isDone: () => Promise<boolean>) => {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 50));
};

describe("what runs", { concurrency: 2 }, () => {
  test("view: the address is there before the file is read, the pages fill, Ctrl-C ends it", {
    timeout: LIMIT_MS,
  }, async () => {
    // Some 1 MB is read at a time, so that this takes several rounds; the last spans come once more.
    const spans = chatTraces(2_000).map((record) => ({ ...record, output: "x".repeat(2_000) }));
    const again = spans.slice(-20).map((record) => ({ ...record, seq: 2 }));
    const cwd = await cli.folder({ "traces.ndjson": lines([...spans, ...again]) });
    const child = cli.start(["view"], { cwd });
    const url = await firstLine(child.stdout);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const { reading, store } = await json(`${url}api/about`);
    assert.equal(store, "sqlite:temporary");
    assert.ok(
      reading.totalBytes > 4_000_000 && reading.isDone === false,
      `${JSON.stringify(reading)}: it was read before the address was told`,
    );
    await until(async () => (await json(`${url}api/about`)).reading.isDone);
    const { items } = await json(`${url}api/traces?limit=3`);
    assert.deepEqual(
      items.map(({ spans }: any) => spans),
      [1, 1, 1],
    );
    assert.equal((await json(`${url}api/about`)).stats.spans, 2_000);
    // It is for looking only.
    assert.equal((await fetch(`${url}v1/records`, { method: "POST", body: "" })).status, 404);
    assert.equal(await interrupt(child), 0);
    await assert.rejects(fetch(url));
  });

  test("view: a store is opened as it is; a running collector is found, and what is none is refused", {
    timeout: LIMIT_MS,
  }, async () => {
    const cwd = await cli.folder({ "traces.ndjson": lines(tutorTrace()) });
    await cli.run(["import", "traces.ndjson", "--into", "traces.db"], { cwd });
    const child = cli.start(["view", "traces.db", "--json"], { cwd });
    const { url } = JSON.parse(await firstLine(child.stdout));
    assert.equal((await json(`${url}api/traces`)).items[0].name, "run_math_tutor");
    const found = await cli.run(["view", url], { cwd });
    assert.deepEqual([found.code, found.stdout], [0, `${url}\n`]);
    assert.equal(await interrupt(child), 0);
    assert.match(
      (await cli.run(["view", url])).stderr,
      /^sightline: No collector answers at http:.* ECONNREFUSED\.\n$/,
    );
    const other = createServer((_, response) => response.end("<h1>hello</h1>")).listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
    for (const command of ["view", "list"]) {
      const { code, stderr } = await cli.run([command, address]);
      assert.deepEqual([code, /answers, but it is no collector/.test(stderr)], [2, true], stderr);
    }
    other.close();
  });

  test("view --open: the browser is given the address; where none is started that is said, and it goes on", {
    timeout: LIMIT_MS,
    skip: process.platform === "win32",
  }, async () => {
    const cwd = await cli.folder({ "traces.ndjson": lines(tutorTrace()), "none/.keep": "" });
    const [program] = opener(process.platform, "");
    const start = async (folder: string, script?: string) => {
      if (script !== undefined) {
        await mkdir(join(cwd, folder));
        await writeFile(join(cwd, folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      }
      return cli.start(["view", "traces.ndjson", "--open", "--port", "0"], { cwd, env: { PATH: join(cwd, folder) } });
    };
    const child = await start("good", `printf '%s|' "$@" > opened`);
    const url = await firstLine(child.stdout);
    const opened = () => readFile(join(cwd, "opened"), "utf8").catch(() => "");
    await until(async () => (await opened()) === `${url}|`);
    assert.equal(await interrupt(child), 0);
    // As xdg-open ends where there is no desktop.
    for (const failing of [await start("failing", "exit 3"), await start("none")]) {
      const address = await firstLine(failing.stdout);
      await firstLine(failing.stderr, (line) => line.includes("there is no browser to start here"));
      assert.equal((await json(`${address}api/about`)).store, "sqlite:temporary");
      assert.equal(await interrupt(failing), 0);
    }
  });

  test("view --open: an address of several parameters is one argument on every platform", () => {
    const url = "http://127.0.0.1:4600/#/traces?a=1&b=2";
    assert.deepEqual(opener("linux", url), ["xdg-open", [url]]);
    assert.deepEqual(opener("darwin", url), ["open", [url]]);
    assert.deepEqual(opener("win32", url), ["cmd", ["/c", "start", "", url.replace("&", "^&")]]);
  });

  test("serve: takes records by token, shows them, is asked from afar, tells what it did, ends in order", {
    timeout: LIMIT_MS,
  }, async () => {
    const cwd = await cli.folder();
    const child = cli.start(
      [
        "serve",
        "--port",
        "0",
        "--monitors",
        "--budget",
        "50/day/team",
        "--token",
        `tutor=${TOKEN}2`,
        "--retention",
        "36500d",
      ],
      { cwd, env: { SIGHTLINE_TOKENS: `shop=${TOKEN}` } },
    );
    const started = await firstLine(child.stdout);
    assert.match(
      started,
      /^\S+Z listening on http:\/\/127\.0\.0\.1:\d+, sqlite:traces\.db, monitors, kept for 36500 days$/,
    );
    const url = /http:\S+\d/.exec(started)![0];
    const post = (token: string) =>
      fetch(`${url}/v1/records`, {
        method: "POST",
        body: lines(tutorTrace()),
        headers: { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson" },
      });
    assert.equal((await post("wrong-token-here")).status, 401);
    assert.equal((await post(TOKEN)).status, 200);
    const list = await cli.run(["list", url], { cwd });
    assert.match(list.stdout, / run_math_tutor /);
    const show = await cli.run(["show", "latest", url], { cwd });
    assert.match(show.stdout, /^run_math_tutor .*\n[\s\S]*\nhttp:\S+\/#\/trace\/0199a3c2f0117c3a9b1d5e6f70819203\n$/);
    assert.match((await cli.run(["cost", url, "--by", "team"], { cwd })).stdout, /learning +1 /);
    assert.match(
      (await cli.run(["list", url, "--project", "none"], { cwd })).stderr,
      /project takes one of shop, tutor; it got "none"/,
    );
    assert.match((await cli.run(["query", "SELECT 1", url], { cwd })).stderr, /takes no SQL: ask its store/);
    // Beside the running collector.
    assert.match((await cli.run(["list", "traces.db", "--project", "shop"], { cwd })).stdout, / run_math_tutor /);
    const monitors = await json(`${url}/api/monitors`);
    assert.deepEqual(
      monitors.budgets.map(({ budget }: any) => budget),
      ["50_day_team"],
    );
    let rest = "";
    child.stdout.on("data", (chunk) => (rest += chunk));
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.match(rest, /Z stopped by SIGTERM after \d+ ms; 10 records kept, none refused by the store\n$/);
  });

  test("serve: on every address it wants a token, and the viewer's address has it", { timeout: LIMIT_MS }, async () => {
    const cwd = await cli.folder();
    const child = cli.start(["serve", "--port", "0", "--host", "0.0.0.0", "--json"], { cwd });
    const started = JSON.parse(await firstLine(child.stdout));
    const told = await firstLine(child.stderr);
    const viewerUrl = told.replace(/^sightline: open /, "");
    // The log is kept and read by many; the address is one that others can use.
    assert.deepEqual(Object.keys(started).sort(), ["event", "message", "store", "time", "url"]);
    assert.equal(viewerUrl.replace(/\/#token=[\w-]{22}$/, ""), started.url);
    const plain = viewerUrl.replace(/#.*/, "");
    const refused = await cli.run(["list", plain]);
    assert.deepEqual([refused.code, /wants a token: .*SIGHTLINE_TOKEN/.test(refused.stderr)], [2, true]);
    assert.equal((await cli.run(["list", viewerUrl])).stdout, "no traces\n");
    const token = viewerUrl.replace(/.*token=/, "");
    assert.equal((await cli.run(["list", plain], { env: { SIGHTLINE_TOKEN: token } })).code, 0);
    assert.equal(await interrupt(child), 0);
  });

  test("serve: a port that is taken, and a file that is no store, are said at once", {
    timeout: LIMIT_MS,
  }, async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const cwd = await cli.folder({ "notes.db": "no database, and longer than a head of one would be" });
    const taken = await cli.run(["serve", "--port", String(port)], { cwd });
    assert.deepEqual([taken.code, taken.stdout], [2, ""]);
    assert.match(taken.stderr, new RegExp(`^sightline: Port ${port} of 127\\.0\\.0\\.1 is taken`));
    other.close();
    assert.deepEqual(await readdir(cwd), ["notes.db"], "no store is left of a server that never ran");
    const wrong = await cli.run(["serve", "--port", "0", "--store", "notes.db"], { cwd });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^sightline: .*notes\.db/);
    const folder = await cli.run(["serve", "--port", "0", "."], { cwd });
    assert.deepEqual([folder.code, /\. is a directory/.test(folder.stderr)], [2, true], folder.stderr);
  });

  test("serve: the store is named as for every other command, once", { timeout: LIMIT_MS }, async () => {
    const cwd = await cli.folder();
    const child = cli.start(["serve", "own.db", "--port", "0"], { cwd });
    assert.match(await firstLine(child.stdout), /, sqlite:own\.db$/);
    assert.equal(await interrupt(child), 0);
    const twice = await cli.run(["serve", "own.db", "--store", "other.db"], { cwd });
    assert.deepEqual([twice.code, twice.stderr.includes("named twice")], [2, true]);
  });

  test("tail: a file that is not there yet, grows, and is rotated", { timeout: LIMIT_MS }, async () => {
    const cwd = await cli.folder();
    const path = join(cwd, "traces.ndjson");
    const child = cli.start(["tail", "traces.ndjson", "--json"], { cwd });
    const names: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      for (const line of chunk.split("\n")) if (line !== "") names.push(JSON.parse(line).name);
    });
    const told = async (count: number) => until(async () => names.length >= count);
    const [first, second, third] = chatTraces(3).map((record) => lines([record]));
    // A line in two pieces.
    await writeFile(path, first!.slice(0, 100));
    await appendFile(path, first!.slice(100));
    await told(1);
    await appendFile(path, second!);
    await told(2);
    await rename(path, join(cwd, "traces-20261122T000000000Z-1-1.ndjson"));
    await writeFile(path, third!);
    await told(3);
    assert.deepEqual(names, ["chat über", "chat 日本語の質問", "chat plain"]);
    assert.equal(await interrupt(child), 0);
  });

  /** The traces that a program follows, by their ids, as they are told. */
  const tailed = (args: readonly string[], cwd: string) => {
    const child = cli.start(["tail", ...args, "--json", "--lines", "1"], { cwd });
    const ids: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => ids.push(JSON.parse(line).traceId));
    return { child, ids, told: (count: number) => until(async () => ids.length >= count) };
  };
  /** Traces that began so long ago, each a millisecond after the one before, and took as long as is said. */
  const timed = (count: number, agoMs: number, tookMs: number, serial: number) =>
    chatTraces(count).map((record, i) => ({
      ...record,
      traceId: `${serial}${record.traceId!.slice(1)}`,
      startTime: `${Date.now() - agoMs + i}000000`,
      endTime: `${Date.now() - agoMs + i + tookMs}000000`,
    })) as SpanRecord[];
  const idsOf = (records: readonly SpanRecord[]) => records.map(({ traceId }) => traceId).sort();
  const HOUR = 3_600_000;

  test("tail: of a file every trace is told, however many come at once and however long ago they began", {
    timeout: LIMIT_MS,
  }, async () => {
    const [there, many, old] = [timed(1, 0, 5, 1), timed(700, 1_000, 5, 2), timed(3, HOUR, 5, 3)];
    const cwd = await cli.folder({ "traces.ndjson": lines(there) });
    const { child, ids, told } = tailed(["traces.ndjson"], cwd);
    await told(1);
    await appendFile(join(cwd, "traces.ndjson"), lines(many));
    await told(701);
    await appendFile(join(cwd, "traces.ndjson"), lines(old));
    await told(704);
    assert.deepEqual(ids.slice(1, 701).sort(), idsOf(many));
    assert.deepEqual(ids.slice(701), idsOf(old));
    assert.equal(await interrupt(child), 0);
  });

  test("tail: of a collector every trace is told that comes, however long ago it began; filters hold", {
    timeout: LIMIT_MS,
  }, async () => {
    const cwd = await cli.folder();
    const server = cli.start(["serve", "--port", "0", "--json"], { cwd });
    const { url } = JSON.parse(await firstLine(server.stdout));
    const send = async (records: readonly SpanRecord[]) => {
      const headers = { "content-type": "application/x-ndjson" };
      const response = await fetch(`${url}/v1/records`, { method: "POST", body: lines(records), headers });
      assert.equal(response.status, 200);
    };
    await send(timed(600, 1_000, 5, 1));
    const all = tailed([url], cwd);
    const chosen = tailed([url, "--user", "user_1"], cwd);
    await Promise.all([all.told(1), chosen.told(1)]);
    const [old, slow, many] = [timed(3, HOUR, 5, 2), timed(3, HOUR, HOUR, 3), timed(300, 0, 5, 4)];
    const late = [...old, ...slow, ...many];
    for (const records of [old, slow, many]) await send(records);
    const ofUser = late.filter(({ trace }) => trace.userId === "user_1");
    await Promise.all([all.told(1 + late.length), chosen.told(1 + ofUser.length)]);
    assert.deepEqual(all.ids.slice(1).sort(), idsOf(late));
    assert.deepEqual(chosen.ids.slice(1).sort(), idsOf(ofUser));
    assert.deepEqual([await interrupt(all.child), await interrupt(chosen.child)], [0, 0]);
    const last = tailed([url], cwd);
    await last.told(1);
    // Who is followed is gone.
    assert.equal(await interrupt(server), 0);
    assert.deepEqual(await once(last.child, "close"), [1, null]);
  });

  test("tail: of a store every trace that ends is told, however long it took", { timeout: LIMIT_MS }, async () => {
    const cwd = await cli.folder();
    const write = async (records: readonly SpanRecord[]) => {
      const store = sqliteStore({ path: join(cwd, "traces.db") });
      await store.append(records);
      await store.close();
    };
    await write(timed(600, 1_000, 5, 1));
    const { child, ids, told } = tailed(["traces.db"], cwd);
    await told(1);
    const slow = [2, 11, 90, 24 * 60, 30 * 24 * 60].flatMap((minutes, i) =>
      timed(1, minutes * 60_000, minutes * 60_000, i + 2),
    );
    await write(slow);
    await told(1 + slow.length);
    assert.deepEqual(ids.slice(1).sort(), idsOf(slow));
    assert.equal(await interrupt(child), 0);
  });

  test("the store behind an address answers as the store itself, and takes nothing", {
    timeout: LIMIT_MS,
  }, async () => {
    const cwd = await cli.folder({ "traces.ndjson": lines([...tutorTrace(), ...chatTraces(20)]) });
    const child = cli.start(["view"], { cwd });
    const url = await firstLine(child.stdout);
    await until(async () => (await json(`${url}api/about`)).reading.isDone);
    const store = remoteStore(url);
    const page = await store.traces({ limit: 5, metadata: { plan: "pro" } });
    assert.deepEqual(
      page.items.map(({ name }) => name),
      ["run_math_tutor"],
    );
    const { traceId } = page.items[0]!;
    const trace = await store.trace(traceId);
    assert.deepEqual([trace?.scores.length, trace?.findings.length, Object.hasOwn(trace!, "spans")], [1, 1, false]);
    const spans = await store.spans(traceId, { limit: 3 });
    assert.deepEqual([spans.items.length, typeof spans.next], [3, "string"]);
    assert.equal((await store.span(traceId, spans.items[0]!.spanId))?.traceId, traceId);
    assert.equal(await store.trace("f".repeat(32)), undefined);
    assert.deepEqual(await store.spans("f".repeat(32)), { items: [] });
    const [row] = await store.aggregate({ groupBy: ["team", "model"], where: { team: "learning" }, percentiles: true });
    assert.deepEqual([row?.group, row?.count, row?.p50], [{ team: "learning", model: "gpt-4.1" }, 1, 4_700_000_000]);
    assert.deepEqual(
      (await store.values({ field: "model", prefix: "HOME" })).map(({ value }) => value),
      ["home-made"],
    );
    assert.equal((await store.sessions()).items[0]?.sessionId, "lesson 7");
    assert.equal((await store.stats()).spans, 28);
    assert.equal(await store.revision(), await store.revision());
    for (const refused of [store.append([]), store.prune({})])
      await assert.rejects(refused, { code: "STORE_READ_ONLY" });
    await assert.rejects(store.sql("SELECT 1"), { code: "STORE_BAD_QUERY" });
    await assert.rejects(store.traces({ after: "nonsense" }), { code: "STORE_BAD_QUERY" });
    await store.close();
    await assert.rejects(store.stats(), { code: "STORE_CLOSED" });
    assert.equal(await interrupt(child), 0);
  });
});
