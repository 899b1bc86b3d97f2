import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { fileReplacer } from "../../src/monitors/replace-file.ts";
import { type State, stateFile } from "../../src/monitors/state.ts";
import { until } from "../support/notifications.ts";
import { stderrOf } from "../support/stderr-of.ts";

const run = promisify(execFile);
let folder: string;
/** The module for child processes, which tsx would take a second to load. */
let bundle: string;
let files = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sightline-state-"));
  bundle = join(folder, "state.mjs");
  const entry = fileURLToPath(new URL("../../src/monitors/state.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outfile: bundle,
  });
});
after(() => rmSync(folder, { recursive: true }));

function newPath(): string {
  return join(folder, `${++files}`, "state.json");
}

function program(path: string, body: string): string[] {
  return [
    "--input-type=module",
    "-e",
    `import { stateFile } from ${JSON.stringify(bundle)};
    const state = stateFile(${JSON.stringify(path)});
    ${body}`,
  ];
}

test("several monitors share one file, each finds its part again, and only its owner may read it", () => {
  const path = newPath();
  const state = stateFile(path);
  assert.equal(state.load("budgets"), undefined);
  let spent = 1;
  state.changed("budgets", () => ({ spent }));
  state.changed("__proto__", () => ["odd name"]);
  spent = 2;
  state.save();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, "..")), ["state.json"]);
  const again = stateFile(path);
  assert.deepEqual(again.load("budgets"), { spent: 2 });
  assert.deepEqual(again.load("__proto__"), ["odd name"]);
  assert.equal(again.load("alerts"), undefined);
});

test("whoever had a part hands over what it has as another takes it, and is asked no more", () => {
  const state = stateFile(newPath());
  const told: string[] = [];
  let spent = 1;
  state.load("budgets", () => {
    told.push("first");
    state.changed("budgets", () => ({ spent }));
  });
  spent = 5;
  assert.deepEqual(
    state.load("budgets", () => told.push("second")),
    { spent: 5 },
  );
  spent = 7;
  state.save();
  assert.deepEqual(state.load("budgets"), { spent: 5 }, "what the first has spent since is not its own any more");
  assert.deepEqual(told, ["first", "second"]);
});

test("what has changed is there half a second later, whoever asks for the same path in between", async (t) => {
  const path = newPath();
  const state = stateFile(path);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  state.changed("a", () => 1);
  state.changed("b", () => 2);
  t.mock.timers.tick(500);
  t.mock.timers.reset();
  await until(() => statSync(path, { throwIfNoEntry: false }) !== undefined);
  assert.equal(readFileSync(path, "utf8"), '{"format":1,"parts":{"a":1,"b":2}}');
  state.changed("a", () => 3);
  assert.equal(stateFile(path).load("a"), 3, "not yet written by the timer");
  state.changed("a", () => 4);
  assert.equal(state.load("a"), 4);
  state.save();
});

test("of writes that overtake each other the newest stands, whole", async () => {
  const path = newPath();
  mkdirSync(join(path, ".."));
  const file = fileReplacer(path);
  const large = "x".repeat(1_000_000);
  for (let i = 0; i < 30; i++) {
    const done: string[] = [];
    file.soon(`${large} 1`, () => done.push("1"));
    file.soon(`${large} 2`, () => done.push("2"));
    // From before the file aside is open to after it has been renamed.
    await sleep(i % 10);
    file.now(`now ${i}`, (error) => done.push(error === undefined ? "now" : String(error)));
    assert.equal(readFileSync(path, "utf8"), `now ${i}`);
    await sleep(3);
    assert.equal(readFileSync(path, "utf8"), `now ${i}`);
    assert.equal(done.at(-1), "now");
    assert.ok(!done.includes("1"), "the one that was overtaken says nothing");
  }
  file.soon("last", () => {});
  await until(() => readFileSync(path, "utf8") === "last");
  assert.deepEqual(readdirSync(join(path, "..")), ["state.json"]);
});

test("ten thousand changes and twenty writes leave one exit listener, and none once all is saved", async () => {
  const before = process.listenerCount("exit");
  const states = Array.from({ length: 20 }, () => stateFile(newPath()));
  for (let i = 0; i < 500; i++) for (const state of states) state.changed("part", () => i);
  assert.equal(process.listenerCount("exit"), before + 1);
  for (const state of states) {
    state.save();
    state.changed("part", () => "again");
  }
  assert.equal(process.listenerCount("exit"), before + 1);
  for (const state of states) state.save();
  assert.equal(process.listenerCount("exit"), before);
  states[0]!.changed("part", () => "by the timer");
  await until(() => process.listenerCount("exit") === before);
});

test("one monitor that cannot say what it has does not cost the others theirs", () => {
  const path = newPath();
  const state = stateFile(path);
  state.changed("good", () => 1);
  state.changed("circle", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    return circle;
  });
  state.changed("throws", () => {
    throw new Error("no");
  });
  state.save();
  assert.equal(readFileSync(path, "utf8"), '{"format":1,"parts":{"good":1}}');
});

test("a damaged file of ours is kept aside, said on stderr, and begins anew", async () => {
  for (const damage of ['{"format":1,"parts":{"budgets":{"spent":9', "", "\0\0\0\0", '{"format":1,"parts":7}']) {
    const path = newPath();
    mkdirSync(join(path, ".."));
    writeFileSync(path, damage);
    let state!: State;
    const said = await stderrOf(() => void (state = stateFile(path)));
    assert.match(said, /^sightline: .*state\.json was damaged and is now .*state\.json\.damaged\..*begins anew\.\n$/);
    assert.equal(readFileSync(`${path}.damaged`, "utf8"), damage);
    assert.equal(state.load("budgets"), undefined);
    state.changed("budgets", () => 1);
    state.save();
    assert.equal(stateFile(path).load("budgets"), 1);
  }
});

test("what is not ours is left as it is: a ConfigError names the path", () => {
  for (const text of ['{"name":"my-package"}', "SECRET=1", "[]", '{"format":2,"parts":{}}']) {
    const path = newPath();
    mkdirSync(join(path, ".."));
    writeFileSync(path, text);
    assert.throws(() => stateFile(path), {
      code: "CONFIG_STATE_FILE",
      message: /state\.json"\): it is no state of Sight/,
    });
    assert.equal(readFileSync(path, "utf8"), text);
  }
  assert.throws(() => stateFile(folder), { code: "CONFIG_STATE_FILE", message: /cannot be used: EISDIR/ });
  assert.throws(() => stateFile(`${bundle}/below/a/file`), { code: "CONFIG_STATE_FILE", message: /ENOTDIR/ });
  assert.throws(() => stateFile(""), { code: "CONFIG_STATE_FILE" });
  assert.throws(() => stateFile(undefined as never), { code: "CONFIG_STATE_FILE" });
});

test("while it cannot be written nothing is forgotten, and one line says so", async () => {
  const path = newPath();
  const state = stateFile(path);
  rmSync(join(path, ".."), { recursive: true });
  const said = await stderrOf(() => {
    for (let i = 1; i <= 3; i++) {
      state.changed("n", () => i);
      state.save();
    }
  });
  assert.match(said, /^sightline: .* cannot be written \(ENOENT.*\)\. It will be tried again\.\n$/);
  mkdirSync(join(path, ".."));
  state.save();
  assert.equal(stateFile(path).load("n"), 3);
});

test("another process that writes the same file is noticed once", async () => {
  const path = newPath();
  const state = stateFile(path);
  state.changed("n", () => 1);
  state.save();
  await run(process.execPath, program(path, 'state.changed("n", () => 2);'));
  assert.equal(JSON.parse(readFileSync(path, "utf8")).parts.n, 2, "written as the process exits");
  const said = await stderrOf(() => {
    for (let i = 3; i <= 5; i++) {
      state.changed("n", () => i);
      state.save();
    }
  });
  assert.match(said, /^sightline: .* is written by another process too\..*\n$/);
});

test("kill -9 in the middle of writing loses at most the last second and never tears the file", async () => {
  const path = newPath();
  // It counts the hundredths of a second that it was given, with a part large enough that a write takes a while.
  const child = spawn(
    process.execPath,
    program(
      path,
      `const large = "x".repeat(4_000_000);
       let count = 0;
       setInterval(() => {
         const now = ++count;
         state.changed("large", () => large);
         state.changed("count", () => now);
         process.stdout.write(now + "\\n");
       }, 10);`,
    ),
  );
  let told = "";
  child.stdout.on("data", (chunk) => (told += chunk));
  await until(() => statSync(path, { throwIfNoEntry: false }) !== undefined);
  await sleep(700 + Math.random() * 300);
  child.kill("SIGKILL");
  await once(child, "close");
  const last = Number(told.trim().split("\n").at(-1));
  const { large, count } = JSON.parse(readFileSync(path, "utf8")).parts;
  assert.equal(large.length, 4_000_000);
  assert.ok(last - count <= 100, `${last - count} hundredths of a second lost`);
  assert.ok(last - count >= 0);
  // What the dead process had begun to write is cleared away by the next one.
  writeFileSync(`${path}.${child.pid}b.next`, "half");
  stateFile(path);
  assert.deepEqual(readdirSync(join(path, "..")), ["state.json"]);
});

test("what changes while the process exits is written too, also after the hook has run", async () => {
  const path = newPath();
  const body = `state.changed("early", () => 1);
    process.on("exit", () => state.changed("late", () => 2));
    process.exit(0);`;
  await run(process.execPath, program(path, body));
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")).parts, { early: 1, late: 2 });
});
