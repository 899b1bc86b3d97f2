/** Answers of a model, by who is asked and what has been done: a tutor calls its tools and hands over to a checker. */
import { once } from "node:events";
import { createServer } from "node:http";

const USAGE = {
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  input_tokens_details: { cached_tokens: 2 },
  output_tokens_details: { reasoning_tokens: 1 },
};

/** Starts it on loopback. Every answer takes a turn of the event loop or more, so that runs mix. */
export async function modelServer() {
  let count = 0;
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join(""));
    if (JSON.stringify(body).includes("Cause an error")) {
      response.writeHead(400, { "content-type": "application/json" });
      return response.end(JSON.stringify({ error: { message: "You asked for it.", type: "invalid_request_error" } }));
    }
    const id = ++count;
    if (request.url.endsWith("/chat/completions")) return send(response, completion(id, body));
    const answer = responseObject(id, body);
    return body.stream === true ? stream(response, answer) : send(response, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseURL: `http://127.0.0.1:${server.address().port}/v1`,
    close: () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections()),
  };
}

function send(response, answer) {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
}

function stream(response, answer) {
  response.setHeader("content-type", "text/event-stream");
  const events = [
    { type: "response.created", response: { ...answer, status: "in_progress", output: [], usage: null } },
    ...answer.output.map((item, output_index) => ({ type: "response.output_item.done", output_index, item })),
    { type: "response.completed", response: answer },
  ];
  events.forEach((event, sequence_number) => {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`);
  });
  response.end();
}

function responseObject(id, body) {
  return {
    id: `resp_${process.pid}_${id}`,
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    status: "completed",
    model: "gpt-4o-2024-08-06",
    instructions: body.instructions ?? null,
    tools: body.tools ?? [],
    output: outputOf(id, body),
    parallel_tool_calls: true,
    temperature: 1,
    top_p: 1,
    tool_choice: "auto",
    metadata: {},
    usage: USAGE,
  };
}

function outputOf(id, { instructions, input, tools = [] }) {
  const items = typeof input === "string" ? [{ role: "user", content: input }] : input;
  const question = textOf(items.find((item) => item.role === "user"));
  const call = (name, args) => ({
    type: "function_call",
    id: `fc_${id}_${name}`,
    call_id: `call_${id}_${name}`,
    name,
    arguments: JSON.stringify(args),
    status: "completed",
  });
  const own = tools.filter(({ name }) => !name.startsWith("transfer_to_"));
  const handoff = tools.find(({ name }) => name.startsWith("transfer_to_"));
  const hasCalled = items.some((item) => item.type === "function_call_output");
  if (!hasCalled && own.length > 0) return own.map(({ name }) => call(name, { input: question }));
  if (handoff !== undefined) return [call(handoff.name, {})];
  const text = `${instructions}: ${question}`;
  const content = [{ type: "output_text", text, annotations: [], logprobs: [] }];
  return [{ type: "message", id: `msg_${id}`, role: "assistant", status: "completed", content }];
}

function textOf({ content }) {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("");
}

function completion(id, { messages }) {
  const content = `answer to ${textOf(messages.findLast(({ role }) => role === "user"))}`;
  return {
    id: `chatcmpl-${process.pid}-${id}`,
    object: "chat.completion",
    created: Math.floor(Date.now() / 1000),
    model: "gpt-4o-2024-08-06",
    choices: [
      { index: 0, finish_reason: "stop", logprobs: null, message: { role: "assistant", content, refusal: null } },
    ],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  };
}
