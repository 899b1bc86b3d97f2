import assert from "node:assert/strict";
import { test } from "node:test";
import { tracedFetch } from "sightline/openai";
import { endpointOf } from "../../../src/openai/wire/endpoints.ts";
import { readRequest } from "../../../src/openai/wire/request.ts";
import { traced } from "../../support/traced.ts";

const at = (method: string, path: string) => {
  const { kind, route, ids } = endpointOf(method, new URL(path, "https://host.example"));
  return { kind, route, ids: { ...ids } };
};

const RUN = "/threads/{thread_id}/runs/{run_id}";
const KNOWN: [string, string, string, string][] = [
  ["POST", "/chat/completions", "chat", "/chat/completions"],
  ["GET", "/chat/completions", "other", "/chat/completions"],
  ["POST", "/completions", "completion", "/completions"],
  ["POST", "/responses", "response", "/responses"],
  ["GET", "/responses/resp_1", "response.retrieve", "/responses/{response_id}"],
  ["POST", "/responses/compact", "response", "/responses/compact"],
  ["POST", "/responses/input_tokens", "other", "/responses/input_tokens"],
  ["DELETE", "/responses/resp_1", "other", "/responses/{response_id}"],
  ["POST", "/responses/resp_1/cancel", "response.cancel", "/responses/{response_id}/cancel"],
  ["GET", "/responses/resp_1/input_items", "other", "/responses/{response_id}/input_items"],
  ["POST", "/embeddings", "embedding", "/embeddings"],
  ["POST", "/images/generations", "image", "/images/generations"],
  ["POST", "/images/edits", "image", "/images/edits"],
  ["POST", "/audio/speech", "speech", "/audio/speech"],
  ["POST", "/audio/transcriptions", "transcription", "/audio/transcriptions"],
  ["POST", "/audio/translations", "transcription", "/audio/translations"],
  ["POST", "/moderations", "moderation", "/moderations"],
  ["POST", "/assistants", "assistant.create", "/assistants"],
  ["GET", "/assistants", "other", "/assistants"],
  ["GET", "/assistants/asst_1", "assistant.retrieve", "/assistants/{assistant_id}"],
  ["POST", "/threads", "other", "/threads"],
  ["POST", "/threads/runs", "run.create", "/threads/runs"],
  ["POST", "/threads/thread_1/runs", "run.create", "/threads/{thread_id}/runs"],
  ["GET", "/threads/thread_1/runs", "other", "/threads/{thread_id}/runs"],
  ["GET", "/threads/thread_1/runs/run_1", "run.retrieve", RUN],
  ["POST", "/threads/thread_1/runs/run_1", "run.update", RUN],
  ["POST", "/threads/thread_1/runs/run_1/submit_tool_outputs", "run.submit", `${RUN}/submit_tool_outputs`],
  ["POST", "/threads/thread_1/runs/run_1/cancel", "run.cancel", `${RUN}/cancel`],
  ["GET", "/threads/thread_1/runs/run_1/steps", "step.list", `${RUN}/steps`],
  ["GET", "/threads/thread_1/runs/run_1/steps/step_1", "step.retrieve", `${RUN}/steps/{step_id}`],
  ["POST", "/threads/thread_1/messages", "message.create", "/threads/{thread_id}/messages"],
  ["GET", "/threads/thread_1/messages", "message.list", "/threads/{thread_id}/messages"],
  ["GET", "/threads/thread_1/messages/msg_1", "message.retrieve", "/threads/{thread_id}/messages/{message_id}"],
  ["GET", "/models/gpt-4o", "other", "/models/{model}"],
];

test("every endpoint is known below every base", () => {
  for (const base of ["", "/v1", "/openai/v1", "/api/v1", "/openai", "/api/projects/mine"]) {
    for (const [method, path, kind, route] of KNOWN) {
      const found = at(method, `${base}${path}?api-version=2024-05-01-preview`);
      assert.deepEqual([found.kind, found.route], [kind, route], `${method} ${base}${path}`);
    }
  }
});

test("ids come by their names, Azure's deployment too", () => {
  const { ids } = at("GET", "/v1/threads/thread_1/runs/run_1/steps/step_1");
  assert.deepEqual(ids, { thread_id: "thread_1", run_id: "run_1", step_id: "step_1" });
  const azure = at("POST", "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21");
  assert.deepEqual(azure, { kind: "chat", route: "/chat/completions", ids: { deployment: "my gpt" } });
  assert.deepEqual(at("GET", "/models/%E0%A4%A").ids, { model: "%E0%A4%A" }, "what cannot be decoded stays");
});

test("every path of the client has its own route, whatever its ids look like, and runs nothing that is known", () => {
  // As `openai` 7 has them; `x` is an id that looks like a word.
  const paths = [
    "/batches /batches/x /batches/x/cancel /chat/completions/x /chat/completions/x/messages",
    "/chatkit/sessions /chatkit/sessions/x/cancel /chatkit/threads /chatkit/threads/x /chatkit/threads/x/items",
    "/containers /containers/x /containers/x/files /containers/x/files/x /containers/x/files/x/content",
    "/conversations /evals /evals/x /evals/x/runs /evals/x/runs/x /evals/x/runs/x/output_items",
    "/evals/x/runs/x/output_items/x /files /files/x /files/x/content",
    "/fine_tuning/alpha/graders/run /fine_tuning/alpha/graders/validate /fine_tuning/checkpoints/x/permissions",
    "/fine_tuning/checkpoints/x/permissions/x /fine_tuning/jobs /fine_tuning/jobs/x /fine_tuning/jobs/x/cancel",
    "/fine_tuning/jobs/x/checkpoints /fine_tuning/jobs/x/events /fine_tuning/jobs/x/pause /fine_tuning/jobs/x/resume",
    "/organization/costs /organization/usage/completions /organization/usage/embeddings",
    "/organization/usage/moderations /organization/usage/vector_stores /organization/usage/images",
    "/realtime/calls/x/accept /realtime/calls/x/hangup /realtime/calls/x/refer /realtime/calls/x/reject",
    "/realtime/client_secrets /realtime/sessions /realtime/transcription_sessions",
    "/skills /skills/x /skills/x/content /skills/x/versions /skills/x/versions/x /skills/x/versions/x/content",
    "/uploads /uploads/x/cancel /uploads/x/complete /uploads/x/parts",
    "/vector_stores /vector_stores/x /vector_stores/x/file_batches /vector_stores/x/file_batches/x",
    "/vector_stores/x/file_batches/x/cancel /vector_stores/x/file_batches/x/files /vector_stores/x/files",
    "/vector_stores/x/files/x /vector_stores/x/files/x/content /vector_stores/x/search",
    "/videos /videos/characters /videos/characters/x /videos/edits /videos/extensions /videos/x /videos/x/content",
    "/videos/x/remix",
  ].flatMap((line) => line.split(" "));
  for (const path of paths) {
    for (const method of ["GET", "POST"]) {
      const { kind, route, ids } = at(method, `/v1${path}`);
      assert.deepEqual([kind, route], ["other", path.replace(/\/x(?=\/|$)/g, "/{id}")], `${method} ${path}`);
      assert.equal(ids["thread_id" as never], undefined, path);
    }
  }
  assert.deepEqual(at("GET", "/v1/conversations/mine/items/first"), {
    kind: "other",
    route: "/conversations/{conversation_id}/items/{id}",
    ids: { conversation_id: "mine", id: "first" },
  });
});

test("addresses that are no server's are left to fetch", async () => {
  assert.equal(readRequest("data:,", undefined), undefined);
  assert.equal(readRequest(new URL("blob:nodedata:1"), undefined), undefined);
  assert.equal(readRequest(new URL("http://host.example/v1/models"), undefined)?.url.host, "host.example");
  const sink = await traced(async () => assert.equal(await (await tracedFetch()("data:,hello")).text(), "hello"));
  assert.deepEqual(sink.all, []);
});

test("another API's paths are not taken for these, and their routes name nobody", () => {
  const routes: Record<string, string> = {
    "/api/users/42/responses": "/api/users/{id}/responses",
    "/api/v2/surveys/9/responses": "/surveys/{id}/responses",
    "/shop/images/edits": "/shop/images/edits",
    "/reset/alice@example.com": "/reset/{id}",
    "/people/John%20Smith": "/people/{id}",
    "/hooks/T024/B024": "/hooks/{id}/{id}",
    "/customers/jane.doe": "/customers/{id}",
    "/verify/abcdefghijklmnopqrstu": "/verify/{id}",
  };
  for (const [path, route] of Object.entries(routes)) {
    const found = at("POST", path);
    assert.deepEqual([found.kind, found.route], ["other", route], path);
  }
  for (const host of ["eu.api.openai.com", "mine.services.ai.azure.com", "api.moonshot.cn"]) {
    assert.equal(endpointOf("POST", new URL(`https://${host}/some/where/responses`)).kind, "response", host);
  }
  for (const base of ["/v1/account/gateway/openai", "/v1beta/openai", "/api/v3", "/serving-endpoints"]) {
    assert.equal(at("POST", `${base}/chat/completions`).kind, "chat", base);
  }
});

test("unknown paths have a route without ids", () => {
  const routes = {
    "/v1/files/file-AbCdEfGhIjKl": "/files/{id}",
    "/v1/files/file-abc123def/content": "/files/{id}/content",
    "/v1/vector_stores/vs_6f2a9c1d/file_batches": "/vector_stores/{id}/file_batches",
    "/v1/vector_stores": "/vector_stores",
    "/v1/fine_tuning/jobs/ftjob-a1b2c3d4e5": "/fine_tuning/jobs/{id}",
    "/openai/deployments/gpt/extensions/on_your_data": "/extensions/on_your_data",
    "/users/12345/orders/0b9d6bb2-9b2e-4bd0-8d0f-3f4a5f3e9a10": "/users/{id}/orders/{id}",
    "/objects/9f86d081884c7d659a2feaa0c55ad015": "/objects/{id}",
    "/": "/",
    "/a/b/c/d/e/f/g/h/i/j": "/a/b/c/d/e/f/g/h/…",
  };
  for (const [path, route] of Object.entries(routes)) {
    const found = at("GET", path);
    assert.deepEqual([found.kind, found.route], ["other", route], path);
  }
});
