// A day on call, in half a minute: a document service with five bad hours, watched by every monitor. Each fault is detected,
// told once, acknowledged, mitigated and resolved; the servers of PagerDuty, Slack and Jira are scripted ones on loopback.
// `npm run demo:operations`; `SEED=7 npm run demo:operations` for the same day again.
import { writeFile } from "node:fs/promises";
import OpenAI from "openai";
import pLimit from "p-limit";
import { configure, flush, observe, shutdown, updateTrace } from "sightline";
import {
  alerts,
  budgets,
  hedging,
  type Incident,
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
  /** Milliseconds between two calls, at least. */
  paceMs: number;
  circuit: boolean;
  prompt: "v1" | "v2";
}
const fairDials = (): Dials => ({
  model: undefined,
  maxTokens: 32_000,
  shed: false,
  paceMs: 0,
  circuit: false,
  prompt: "v1",
});
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
    const answer = await limit(async () => {
      await world.sleep(dials.paceMs);
      return this.complete(request.of, prompt);
    });
    return this.process(answer);
  }

  @observe() async buildPrompt({ tokens }: Feature, text: string) {
    await world.sleep(5);
    const [input, output] = tokens;
    // Release v2 of the prompt asks for everything at length.
    return `${text} [${input} tokens] [${dials.prompt === "v2" ? output * 24 : output} tokens back]`;
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
      limit.concurrency = 1;
      Object.assign(dials, { shed: true, paceMs: 16_000 });
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
/** A minute less: budgets are those of the day. */
const DAY = 24 * HOUR - MINUTE;
const EVALUATION = 15_000;

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
    begin: () => Object.assign(weather, { callsPerMinute: 4 }),
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

/** Seven calls a minute, from midnight to midnight; each request on its own. */
async function traffic(): Promise<void> {
  const service = new DocumentService();
  // The last ones have their answers before the day is over.
  while (world.now() < DAY - 5 * MINUTE) {
    await world.sleep((-MINUTE / 7) * Math.log(1 - random()));
    const of = FEATURES[Math.floor(random() * FEATURES.length)] as Feature;
    if (dials.circuit || (dials.shed && !of.isVital)) continue;
    const text = TEXTS[Math.floor(random() * TEXTS.length)] as string;
    service.handle({ of, text, user: `u${Math.floor(random() * 500)}` }).catch(() => {});
  }
}

async function faults(): Promise<void> {
  for (const fault of FAULTS) {
    await world.sleep(fault.at - world.now());
    fault.begin();
    say(`${fault.name} begins`);
  }
}

/** Who is on call: acknowledges after two minutes, does what the runbook says after five; half an hour later all is well. */
async function onCall({ id, title }: Incident): Promise<void> {
  const fault = FAULTS.findLast(({ at }) => at <= world.now());
  say(`paged: ${title}`);
  await world.sleep(2 * MINUTE);
  response.acknowledge(id, { by: "ada" });
  await world.sleep(3 * MINUTE);
  if (fault !== undefined) await response.mitigate(id, fault.action, { by: "ada" });
  say(`${fault?.action} by ada`);
  await world.sleep(30 * MINUTE);
  allIsWell();
}

/** What the timers of a real process do: deliver, evaluate, send. */
async function watching(): Promise<void> {
  const known = new Set<string>();
  while (world.now() < DAY) {
    await world.sleep(EVALUATION);
    await flush();
    for (const incident of response.open()) {
      // SEV3 is a message on Slack, and wakes nobody.
      if (incident.severity > "sev2" || known.has(incident.id)) continue;
      known.add(incident.id);
      void onCall(incident);
    }
  }
}

const time = (epochMs: number): string => new Date(epochMs).toISOString().slice(11, 16);
/** Where there is no terminal to draw on. */
const say = (what: string): void => void (process.stdout.isTTY || console.log(`${time(clock.epochMs())}  ${what}`));

console.log(`A day on call, seed ${seed}.\n`);
const live = liveDashboard(
  { metrics: calls, budgets: spend, alerts: watch, incidents: response },
  { everyMs: 100, title: () => `${time(clock.epochMs())} o'clock` },
);
void traffic();
void faults();
void watching();
await world.run(DAY);
live.stop();
console.log();

// ---- the report ----------------------------------------------------------------------------------------------------------

const shown = (value: string | number): string =>
  typeof value === "number" ? String(Number(value.toFixed(1))) : value;
const pages = servers.pagerDuty.incidents;
const rows = FAULTS.map(({ name, at, runbook }, i) => {
  const until = FAULTS[i + 1]?.at ?? DAY;
  const own = response.all().filter(({ beganAt }) => beganAt - world.epoch >= at && beganAt - world.epoch < until);
  const incident = own.find((one) => one.runbook === runbook);
  const first = incident?.alerts[0];
  const since = (epochMs = Number.NaN): number => (epochMs - world.epoch - at) / MINUTE;
  const { windowMs = 0, forMs = 0 } = first?.rule ?? {};
  return {
    fault: name,
    at: time(world.epoch + at),
    "detected, min": since(incident?.detectedAt),
    "bound, min": (windowMs + forMs + EVALUATION) / MINUTE,
    paged: pages.filter(({ key }) => own.some(({ id }) => id === key)).length,
    acknowledged: since(incident?.acknowledgedAt),
    mitigated: since(incident?.mitigatingAt),
    resolved: since(incident?.resolvedAt),
    incident: `${incident?.severity} ${runbook}`,
    others: own.length - 1,
  };
});
const cells = [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row).map(shown))];
const widths = cells[0]!.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
for (const line of cells)
  console.log(
    line
      .map((cell, i) => cell.padEnd(widths[i]! + 2))
      .join("")
      .trimEnd(),
  );
console.log();
console.log(spend.report({ by: ["team", "feature"], format: "table" }));

const last = response.all().findLast(({ runbook }) => runbook === "api_outage");
response.writeStatusPage("status.html");
await writeFile("post-mortem.md", response.postMortem(last?.id ?? "") ?? "");
const { issues } = servers.jira;
console.log(
  `${pages.length} pages, ${pages.filter(({ status }) => status === "resolved").length} of them resolved; ${servers.slack.posts.length} messages on Slack, ${issues.length} tickets. See status.html and post-mortem.md.`,
);

const isGood = rows.every(
  (row) => row["detected, min"] <= row["bound, min"] && row.paged === 1 && row.resolved > 0 && row.others === 0,
);
if (!isGood || pages.length !== FAULTS.length) {
  console.log("Something was missed, told twice, or told in vain.");
  process.exitCode = 1;
}
// What still waits for its turn (a message a second on Slack) waits for simulated time.
const ticking = setInterval(() => clock.advance(1_000), 5);
await shutdown();
clearInterval(ticking);
await servers.close();
