// A day on call, in half a minute: a document service with five bad hours, watched by every monitor. Each fault is detected,
// told once, acknowledged, mitigated and resolved; the servers of PagerDuty, Slack and Jira are scripted ones on loopback.
// `npm run demo:operations`; `SEED=7 npm run demo:operations` for the same day again.
import OpenAI from "openai";
import pLimit from "p-limit";
import { configure, flush, observe, shutdown, updateTrace } from "sightline";
import {
  alerts,
  budgets,
  hedging,
  incidents,
  jira,
  lexicalOverlap,
  liveDashboard,
  metrics,
  notifier,
  pagerDuty,
  quality,
  slack,
} from "sightline/monitors";
import { tracedFetch } from "sightline/openai";
import { channelServers } from "../test/support/channel-servers.ts";
import { fairWeather, seeded, simulatedOpenAI, simulation } from "./support/simulation.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 100_000);
const random = seeded(seed);
const world = simulation();
const { clock } = world;
const weather = fairWeather();

// ---- the program: the course's waterfall, request → prompt build → model call → response processing ----------------------

/** What an operator can turn while it runs. */
interface Dials {
  model?: string | undefined;
  maxTokens: number;
  shed: boolean;
  circuit: boolean;
  prompt: "v1" | "v2";
}
const fairDials = (): Dials => ({ model: undefined, maxTokens: 16_000, shed: false, circuit: false, prompt: "v1" });
const dials = fairDials();
const limit = pLimit(20);

const FEATURES = [
  { feature: "chat", team: "platform", model: "gpt-4.1-mini", tokens: [1_400, 500], isVital: true },
  { feature: "summarizer", team: "content", model: "gpt-4.1", tokens: [5_500, 900], isVital: true },
  { feature: "classifier", team: "ml", model: "gpt-4.1-nano", tokens: [350, 30], isVital: false },
  { feature: "code_review", team: "engineering", model: "gpt-4.1", tokens: [9_000, 1_500], isVital: true },
  { feature: "search", team: "platform", model: "gpt-4.1-mini", tokens: [1_000, 250], isVital: false },
] as const;
type Feature = (typeof FEATURES)[number];
const TEXTS = [
  "revenue grew by fifteen percent while operating margins improved in the cloud division",
  "the patient reports headaches after reading small print for several hours without glasses",
  "shipping containers were delayed in Rotterdam because the crane operators were on strike",
  "the function parses timestamps twice and allocates a new formatter for every single line",
];

const openai = new OpenAI({
  apiKey: "x",
  maxRetries: 0,
  fetch: tracedFetch({ fetch: simulatedOpenAI(world, random, weather) }),
});

class DocumentService {
  @observe() async handle(request: { readonly of: Feature; readonly text: string; readonly user: string }) {
    updateTrace({ feature: request.of.feature, team: request.of.team, userId: request.user });
    const prompt = await this.buildPrompt(request.of, request.text);
    const answer = await limit(() => this.complete(request.of, prompt));
    return this.process(answer);
  }

  @observe() async buildPrompt({ tokens }: Feature, text: string) {
    await world.sleep(5);
    const [input, output] = tokens;
    // Release v2 of the prompt asks for everything at length.
    return `${text} [${input} tokens] [${dials.prompt === "v2" ? output * 12 : output} tokens back]`;
  }

  @observe() async complete({ model }: Feature, prompt: string) {
    const answer = await openai.chat.completions.create({
      model: dials.model ?? model,
      max_completion_tokens: dials.maxTokens,
      messages: [{ role: "user", content: prompt }],
    });
    return answer.choices[0]?.message.content ?? "";
  }

  @observe() async process(answer: string) {
    await world.sleep(2);
    return answer.split(" ").length;
  }
}

// ---- the monitors --------------------------------------------------------------------------------------------------------

const servers = await channelServers();
const calls = metrics({ clock, queued: () => limit.pendingCount, circuit: () => (dials.circuit ? "open" : "closed") });
const spend = budgets({ clock, limits: [{ name: "daily", usd: 200, per: "day" }] });
const answers = quality({ clock, random, scorers: [lexicalOverlap(), hedging()] });
const notify = notifier({
  clock,
  channels: {
    page: [pagerDuty({ routingKey: servers.pagerDuty.routingKey, url: servers.pagerDuty.url })],
    team: [slack({ token: servers.slack.token, channel: "#ai-operations", apiUrl: servers.slack.apiUrl })],
    ticket: [jira({ url: servers.jira.url, email: servers.jira.email, token: servers.jira.token, project: "OPS" })],
  },
});
const response = incidents({
  clock,
  notify,
  mitigations: {
    reduce_concurrency: () => {
      limit.concurrency = 2;
      dials.shed = true;
    },
    switch_model: () => {
      dials.model = "gpt-4.1-mini";
    },
    cap_tokens: () => {
      dials.maxTokens = 600;
    },
    revert_prompt: () => {
      weather.isConfused = false;
    },
    open_circuit: () => {
      dials.circuit = true;
    },
  },
});
const watch = alerts({ clock, everyMs: false, sources: [calls, spend, answers], listeners: [response] });

configure({ clock, sinks: [calls, spend, answers, watch] });

// ---- the day -------------------------------------------------------------------------------------------------------------

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Fault {
  readonly name: string;
  readonly at: number;
  readonly runbook: string;
  /** What the operator does about it. */
  readonly action: string;
  begin(): void;
}

const FAULTS: readonly Fault[] = [
  {
    name: "rate-limit storm",
    at: 4 * HOUR,
    runbook: "rate_limit_exhaustion",
    action: "reduce_concurrency",
    begin: () => Object.assign(weather, { callsPerMinute: 6 }),
  },
  {
    name: "latency regression",
    at: 8 * HOUR,
    runbook: "elevated_latency",
    action: "switch_model",
    begin: () => Object.assign(weather, { slowness: 12 }),
  },
  {
    name: "quality drop",
    at: 12 * HOUR,
    runbook: "quality_degradation",
    action: "revert_prompt",
    begin: () => Object.assign(weather, { isConfused: true }),
  },
  {
    name: "cost spike",
    at: 16 * HOUR,
    runbook: "cost_spike",
    action: "cap_tokens",
    begin: () => Object.assign(dials, { prompt: "v2" }),
  },
  {
    name: "outage",
    at: 20 * HOUR,
    runbook: "api_outage",
    action: "open_circuit",
    begin: () => Object.assign(weather, { outage: 0.95 }),
  },
];

function allIsWell(): void {
  Object.assign(weather, fairWeather());
  Object.assign(dials, fairDials());
  limit.concurrency = 20;
}

/** Ten calls a minute, from midnight to midnight; each request on its own. */
async function traffic(): Promise<void> {
  while (world.now() < 24 * HOUR) {
    await world.sleep(-6_000 * Math.log(1 - random()));
    const of = FEATURES[Math.floor(random() * FEATURES.length)] as Feature;
    if (dials.circuit || (dials.shed && !of.isVital)) continue;
    const text = TEXTS[Math.floor(random() * TEXTS.length)] as string;
    new DocumentService().handle({ of, text, user: `u${Math.floor(random() * 500)}` }).catch(() => {});
  }
}

/** What became of a fault, in minutes since it began. */
const diary = FAULTS.map((fault) => ({
  fault,
  detected: NaN,
  acknowledged: NaN,
  mitigated: NaN,
  resolved: NaN,
  id: "",
}));

async function faults(): Promise<void> {
  for (const { fault } of diary) {
    await world.sleep(fault.at - world.now());
    fault.begin();
  }
}

/** Who is on call: acknowledges after two minutes, does what the runbook says after five, and all is well half an hour later. */
async function onCall(id: string): Promise<void> {
  const entry = diary.findLast(({ fault }) => fault.at <= world.now());
  if (entry === undefined || entry.id !== "") return;
  entry.id = id;
  const since = () => (world.now() - entry.fault.at) / MINUTE;
  entry.detected = since();
  await world.sleep(2 * MINUTE);
  response.acknowledge(id, { by: "ada" });
  entry.acknowledged = since();
  await world.sleep(3 * MINUTE);
  await response.mitigate(id, entry.fault.action, { by: "ada" });
  entry.mitigated = since();
  await world.sleep(30 * MINUTE);
  allIsWell();
}

async function evaluations(): Promise<void> {
  const known = new Set<string>();
  while (world.now() < 24 * HOUR) {
    await world.sleep(15_000);
    await flush();
    for (const incident of response.all()) {
      if (!known.has(incident.id)) void onCall(incident.id);
      known.add(incident.id);
      const entry = diary.find(({ id }) => id === incident.id);
      if (entry !== undefined && incident.resolvedAt !== undefined) {
        entry.resolved = (incident.resolvedAt - world.epoch - entry.fault.at) / MINUTE;
      }
    }
  }
}

const time = () => new Date(clock.epochMs()).toISOString().slice(11, 16);
const live = liveDashboard(
  { metrics: calls, budgets: spend, alerts: watch, incidents: response },
  { everyMs: 200, title: () => `The operations of a day, seed ${seed}: ${time()}` },
);
const startedMs = Date.now();
void traffic();
void faults();
void evaluations();
await world.run(24 * HOUR);
await shutdown();
live.stop();
console.log(
  diary,
  response.all().map(({ title, severity, alerts }) => [title, severity, alerts.length]),
  (Date.now() - startedMs) / 1000,
);
console.log(servers.pagerDuty.incidents, servers.slack.posts.length, servers.jira.issues.length);
await servers.close();
