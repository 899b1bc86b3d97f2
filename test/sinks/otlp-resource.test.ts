import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { hostname } from "node:os";
import { test } from "node:test";
import { resourceOf } from "../../src/sinks/otlp/resource.ts";
import { VERSION } from "../../src/sinks/otlp/scope.ts";

test("what is detected: service, host, process, SDK, and no arguments", () => {
  const { "service.instance.id": id, ...rest } = resourceOf({}, {});
  assert.match(String(id), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.equal(resourceOf({}, {})["service.instance.id"], id, "one for the process");
  const { "host.arch": arch, "os.type": os, ...known } = rest;
  if (process.arch === "x64") assert.equal(arch, "amd64");
  if (process.platform === "linux") assert.equal(os, "linux");
  assert.deepEqual(known, {
    "service.name": "unknown_service:node",
    "host.name": hostname(),
    "process.pid": process.pid,
    "process.executable.name": "node",
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    "telemetry.sdk.name": "sightline",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.version": VERSION,
  });
});

test("options over OTEL_SERVICE_NAME over OTEL_RESOURCE_ATTRIBUTES over what is detected", () => {
  const env = { OTEL_SERVICE_NAME: "by-name", OTEL_RESOURCE_ATTRIBUTES: "service.name=by-list,host.name=h,team=a" };
  const resource = resourceOf({ team: "b", "process.pid": 1 }, env);
  const { "service.name": service, "host.name": host, team, "process.pid": pid } = resource;
  assert.deepEqual([service, host, team, pid], ["by-name", "h", "b", 1]);
  assert.equal(resourceOf({ "service.name": "given" }, env)["service.name"], "given");
  assert.equal(resourceOf({}, { ...env, OTEL_SERVICE_NAME: "" })["service.name"], "by-list");
});

test("OTEL_RESOURCE_ATTRIBUTES is percent-encoded", () => {
  const read = (written: string) => {
    const all = resourceOf({}, { OTEL_RESOURCE_ATTRIBUTES: written });
    const own = resourceOf({}, {});
    return Object.fromEntries(Object.entries(all).filter(([name]) => !(name in own)));
  };
  assert.deepEqual(read("a=1, b = two words ,c=x%2Cy%3Dz,%C3%A9=%C3%A8"), {
    a: "1",
    b: "two words",
    c: "x,y=z",
    é: "è",
  });
  assert.deepEqual(read("a=b=c,empty=,"), { a: "b=c", empty: "" });
  for (const bad of ["a", "a=1,b", "=1", "a=1,b=%", "a=1,b=%ff"]) assert.deepEqual(read(bad), {}, bad);
});

test("a list that is ignored is told to whoever debugs", () => {
  const code = `
    import { resourceOf } from "./src/sinks/otlp/resource.ts";
    console.log(resourceOf({}, { OTEL_RESOURCE_ATTRIBUTES: "secret" })["service.name"]);
  `;
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", `${code}//`];
  const env = { ...process.env, NODE_DEBUG: "sightline" };
  const cwd = new URL("../..", import.meta.url).pathname;
  const shown = execFileSync("sh", ["-c", '"$0" "$@" 2>&1', process.execPath, ...args], { cwd, env, encoding: "utf8" });
  assert.match(shown, /OTEL_RESOURCE_ATTRIBUTES ignored/);
  assert.match(shown, /unknown_service:node/);
  assert.doesNotMatch(shown, /secret/);
});
