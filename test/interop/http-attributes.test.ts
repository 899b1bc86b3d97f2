import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attributes } from "sightline/semconv";
import {
  clientAttributes,
  headerAttributes,
  serverAttributes,
  statusAttributes,
} from "../../src/interop/http/attributes.ts";
import { faults } from "../semconv/check.ts";
import { REGISTRIES } from "../semconv/oracle.ts";

test("every attribute of requests is in OpenTelemetry's registry, with its type", () => {
  const attributes = {
    ...serverAttributes({ method: "GET", scheme: "https", target: "/users/7?key=x", host: "shop.example:8443" }),
    ...serverAttributes({ method: "BREW", scheme: "http", target: "*", host: undefined }),
    ...clientAttributes("POST", new URL("https://shop.example/orders?key=x#top")),
    ...statusAttributes(503, true),
    "http.route": "/users/:id",
  } as Attributes;
  assert.equal(Object.keys(attributes).length, 10);
  for (const profile of ["1.36", "1.41", "latest"] as const) {
    assert.deepEqual(faults(attributes, [REGISTRIES[profile]], profile), []);
  }
  // A template of the registry: one name for each header.
  assert.deepEqual(
    headerAttributes("request", ["User-Agent"], () => "curl"),
    {
      "http.request.header.user-agent": ["curl"],
    },
  );
  assert.ok(!JSON.stringify(attributes).includes("key=x"));
});
