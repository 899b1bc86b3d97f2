import { assistantsRunbooks } from "./assistants-runbooks.ts";
import type { EscalationLevel, Runbook } from "./incident.ts";

/**
 * Told at once, then so many minutes without an acknowledgement (L2) and without a resolution (L3). Times are of our choice:
 * L2 at about half of the expected minutes, so that something is left of them; L3 at twice as many.
 */
function levels(
  l1: readonly [string, string],
  l2: readonly [string, string, number],
  l3: readonly [string, string, number],
): EscalationLevel[] {
  return [
    { level: "L1", who: l1[0], task: l1[1], afterMinutes: 0 },
    { level: "L2", who: l2[0], task: l2[1], afterMinutes: l2[2] },
    { level: "L3", who: l3[0], task: l3[1], afterMinutes: l3[2] },
  ];
}

const rateLimit: Runbook = {
  id: "rate_limit_exhaustion",
  name: "Rate Limit Exhaustion",
  trigger: "More than 5 % of requests are answered 429 for two minutes",
  symptoms: [
    "429 rate above 5 %",
    "The queue of calls grows, and with it the time that users wait",
    "Little or nothing is left in the x-ratelimit-remaining headers",
  ],
  diagnosis: [
    "Compare requests and tokens per minute with the quota: in metrics(), in the rate-limit headers, on the provider's limits page",
    "Find the feature that uses most of the quota",
    "Look for retry storms: several attempts for each call, retries of retries",
    "Check that the rate limiter's configuration is that of the current quota",
    'Tell a spent balance from a rate: "exceeded your current quota" does not pass by waiting',
  ],
  actions: [
    { id: "reduce_concurrency", text: "Halve the number of calls in flight" },
    { id: "enable_backoff", text: "Back off exponentially with jitter, and honour Retry-After" },
    { id: "batch_queue", text: "Send what is not urgent to the batch queue" },
    { id: "disable_features", text: "Switch the least important features off for now" },
  ],
  escalation: levels(
    ["On-call engineer", "Take the immediate actions"],
    ["Platform team", "Ask the provider for more quota at once", 10],
    ["Account manager", "Negotiate a higher tier", 30],
  ),
  expectedMinutes: 15,
};

const latency: Runbook = {
  id: "elevated_latency",
  name: "Elevated Latency",
  trigger: "p95 of model calls is above 15 s for five minutes",
  symptoms: [
    "p95 above 15 s",
    "More calls time out",
    "The first token comes late, or calls queue before they are sent",
  ],
  diagnosis: [
    "Look at the provider's status page (status.openai.com)",
    "Compare the length of prompts and answers with last week's: latency grows with output tokens",
    "Tell the model's time from ours: time to first token, time in the queue, retries within a call",
    "See whether one model, one region or one feature is slow, or all of them",
    "Open the slowest traces and find the longest span",
  ],
  actions: [
    { id: "cap_tokens", text: "Lower the cap on output tokens" },
    { id: "switch_model", text: "Route to a smaller, faster model" },
    { id: "shorten_timeouts", text: "Shorten timeouts, so that slow calls do not hold what others wait for" },
    { id: "serve_cached", text: "Serve cached answers where they are good enough" },
  ],
  escalation: levels(
    ["On-call engineer", "Take the immediate actions, say which part is slow"],
    ["Platform team", "Switch to the fallback provider", 10],
    ["Engineering lead", "Decide what to switch off, and open a case with the provider", 40],
  ),
  expectedMinutes: 20,
};

const quality: Runbook = {
  id: "quality_degradation",
  name: "Quality Degradation",
  trigger: "The composite quality score is below 0.5 for ten minutes",
  symptoms: [
    "Quality score below 0.5, or drifting down",
    "Users complain, thumbs go down",
    "More refusals, broken formats, repetition",
  ],
  diagnosis: [
    "Compare recent answers with the golden set",
    "Check whether the model behind the name has changed: the provider's changelog, response model against requested model",
    "Review recent changes of prompt templates in version control",
    "Check the input: what is fed in decides what comes out (retrieval, truncation, language)",
  ],
  actions: [
    { id: "pin_model", text: "Pin a dated snapshot of the model" },
    { id: "revert_prompt", text: "Revert the last change of the prompt" },
    { id: "validate_output", text: "Validate answers, and try again when the score is low" },
    { id: "switch_model", text: "Route critical paths to a model version that is known to be good" },
  ],
  escalation: levels(
    ["ML engineer", "Find out whether prompt, model or input has changed"],
    ["Product team", "Assess what users see, and tell them", 15],
    ["Leadership", "Decide on rolling the feature back; evaluate other models", 60],
  ),
  expectedMinutes: 30,
};

const cost: Runbook = {
  id: "cost_spike",
  name: "Unexpected Cost Spike",
  trigger: "The cost per hour is above 1.5 times the day's budget divided by 24",
  symptoms: [
    "Cost per hour above 1.5 times the budget",
    "More tokens per request, or more requests",
    "The forecast passes the budget before the day ends",
  ],
  diagnosis: [
    "Look at the attribution of costs: which feature, team or user has grown",
    "Compare tokens per request, input and output, with last week's",
    "Look for a wave of traffic: a launch, or an attack",
    "Rule out endless loops and retries that multiply calls",
  ],
  actions: [
    { id: "switch_model", text: "Route everything to the cheapest model that will do" },
    { id: "cap_tokens", text: "Lower the cap on output tokens" },
    { id: "serve_cached", text: "Answer equal requests once: deduplicate and cache" },
    { id: "limit_feature", text: "Limit the rate of the feature that spends most" },
    { id: "disable_features", text: "Switch features off that are not critical" },
  ],
  escalation: levels(
    ["On-call engineer", "Bring the spending down at once"],
    ["Finance and engineering", "Assess the damage, set a hard cap", 5],
    ["Leadership", "Approve the spending, or a shutdown", 20],
  ),
  expectedMinutes: 10,
};

const outage: Runbook = {
  id: "api_outage",
  name: "API Outage",
  trigger: "More than half of the requests are answered 5xx or not at all, or the circuit breaker is open",
  symptoms: ["5xx rate above 50 %", "The circuit breaker is open", "Connections fail or are reset, whatever is asked"],
  diagnosis: [
    "Look at the provider's status page (status.openai.com)",
    "Call another model, region or provider with the same key and network: is it them, or us",
    "Check what is ours: DNS, proxy, certificates, an expired or revoked key (401 is no outage)",
    "See when it began, and what was deployed then",
  ],
  actions: [
    { id: "open_circuit", text: "Open the circuit, so that callers fail fast and the provider can recover" },
    { id: "serve_cached", text: "Serve cached answers" },
    { id: "batch_queue", text: "Queue what can wait, and send it later at a gentle rate" },
    { id: "switch_provider", text: "Switch to the fallback provider" },
    { id: "notify_users", text: "Tell users on the status page" },
  ],
  // Everybody is affected: L2 does not wait for half of the time, and the plan for disasters is decided within it.
  escalation: levels(
    ["On-call engineer", "Take the immediate actions, follow the provider's status page"],
    ["Platform team", "Switch to the fallback provider, activate the disaster recovery plan", 5],
    ["Leadership", "Tell users and customers, decide what runs without the provider", 30],
  ),
  expectedMinutes: 30,
};

/**
 * The five failure modes that every application with a model meets, and six of the Assistants API (threads and runs). Alert
 * rules name them by `id`. Plain data: take them, change them, leave some out.
 *
 * @example
 * import { defaultRunbooks, incidents } from "sightline/monitors";
 * const mine = defaultRunbooks.map((each) => (each.id === "cost_spike" ? { ...each, expectedMinutes: 5 } : each));
 * const tracked = incidents({ runbooks: mine });
 */
export const defaultRunbooks: readonly Runbook[] = [rateLimit, latency, quality, cost, outage, ...assistantsRunbooks];
