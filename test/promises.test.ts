import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("..", import.meta.url).pathname;

test("every promise has a test that bears its name", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/promises.js", "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("P22 every file of fault tests asserts the books, itself or through the lab", () => {
  const fault = `${root}test/fault/`;
  const files = readdirSync(fault).filter((file) => /\.(test|fault)\.ts$/.test(file));
  assert.ok(files.length > 5);
  const asserts = (file: string): boolean => {
    const text = readFileSync(fault + file, "utf8");
    const lab = [...text.matchAll(/from "\.\/(lab\/[\w-]+\.ts)"/g)].map(([, path]) => path!);
    // `rig` of the pipeline's tests asserts them after every test.
    return /\bassert(Books|Lane)\(|\brig\(/.test(text) || lab.some(asserts);
  };
  assert.deepEqual(
    files.filter((file) => !asserts(file)),
    [],
  );
});
