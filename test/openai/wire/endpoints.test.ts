import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOf } from "../../../src/openai/wire/endpoints.ts";

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
