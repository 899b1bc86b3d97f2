import type { EscalationLevel, Runbook } from "./incident.ts";

const escalation: readonly EscalationLevel[] = [
  { level: "L1", who: "On-call engineer", task: "Take the immediate actions", afterMinutes: 0 },
  { level: "L2", who: "Team that owns the assistant", task: "Repair the code that drives the run", afterMinutes: 30 },
  {
    level: "L3",
    who: "Engineering lead",
    task: "Decide on switching the assistant off, or moving to another API",
    afterMinutes: 120,
  },
];

/** OpenAI and Azure OpenAI have shut the Assistants API down: what still speaks it are compatible servers. */
const GONE = "If the answer is 404 for every path: OpenAI and Azure OpenAI shut the Assistants API down on 2026-08-26";

/** Ids are the names of the findings that `sightline/openai` makes of the same patterns. */
export const assistantsRunbooks: readonly Runbook[] = [
  {
    id: "stuck_in_requires_action",
    name: "Run Stuck In requires_action",
    trigger: "A run waits for tool outputs for more than 60 s, or is about to expire while it waits",
    symptoms: [
      "Users wait for an answer that does not come",
      "Runs stay in requires_action",
      "The thread takes no new messages",
    ],
    diagnosis: [
      "List the tool calls of required_action that have no output yet, by id and name",
      "Look in the trace for the tool's own span: did it throw, hang, or was it never called",
      "Compare the ids that were submitted with those that were asked for: all of them must come in one request",
      "Check for a process that was restarted between the question and the submission",
    ],
    actions: [
      { id: "submit_tool_outputs", text: "Submit what is missing: an error text is an output too" },
      { id: "cancel_run", text: "Cancel the run, so that its thread is free again" },
      { id: "limit_tool_time", text: "Give every tool a time limit well below the run's ten minutes" },
    ],
    escalation,
    expectedMinutes: 30,
  },
  {
    id: "endless_polling",
    name: "Endless Polling",
    trigger: "A run is polled for more than 600 s without a final status, or more than 20 times a second",
    symptoms: [
      "Requests per minute grow without more users",
      "One run id in thousands of requests",
      "A process is busy and nothing ends",
    ],
    diagnosis: [
      "Find the run id that is polled, and its status: the poll helpers of the SDK have no time limit in any version",
      "An unknown status makes the helper poll without a pause: hundreds to thousands of requests a second",
      "Look for a run in requires_action that nobody answers, and for one in cancelling",
      GONE,
    ],
    actions: [
      { id: "cancel_run", text: "Cancel the run" },
      { id: "stop_polling", text: "Put a time limit and an AbortSignal around every poll" },
      { id: "reduce_concurrency", text: "Lower the number of workers that poll" },
    ],
    escalation,
    expectedMinutes: 20,
  },
  {
    id: "run_expired",
    name: "Expired Runs",
    trigger: "Runs end as expired: ten minutes after they were created",
    symptoms: [
      "Runs with the status expired",
      "Submissions are refused: runs in status expired do not accept tool outputs",
      "Answers are missing after a long wait",
    ],
    diagnosis: [
      "See where the ten minutes went: the time in requires_action counts",
      "Measure the tools: which one takes minutes",
      "Check for runs that queue for long before they start",
    ],
    actions: [
      { id: "retry_run", text: "Create the run again, once, with a fresh look at the thread" },
      { id: "limit_tool_time", text: "Give every tool a time limit; hand long work to a job and answer with its id" },
      { id: "watch_expiry", text: "Cancel by yourself before expires_at, and tell the user" },
    ],
    escalation,
    expectedMinutes: 30,
  },
  {
    id: "thread_accumulation",
    name: "Thread Accumulation",
    trigger:
      "Prompt tokens of a thread grow with every run, to three times the first and more; or nearly every run has a new thread",
    symptoms: [
      "Cost and latency of a conversation grow with its length",
      "Thousands of threads, none of them used twice",
      "messages.list says has_more, and code reads the first page only",
    ],
    diagnosis: [
      "Plot prompt tokens by run for the largest threads",
      "Count new threads against runs in a session: above nine in ten, threads are not reused",
      "Check truncation_strategy and max_prompt_tokens of the runs",
    ],
    actions: [
      { id: "truncate_thread", text: "Set truncation_strategy to the last messages, or a cap on prompt tokens" },
      { id: "summarize_thread", text: "Begin a new thread with a summary of the old one" },
      { id: "delete_threads", text: "Reuse a session's thread, and delete those that have ended" },
    ],
    escalation,
    expectedMinutes: 120,
  },
  {
    id: "tool_output_truncated",
    name: "Silent Tool Output Truncation",
    trigger: "The model has seen far fewer tokens than a tool gave it, and no error says so",
    symptoms: [
      "Answers ignore the end of what a tool returned",
      'Outputs are exactly as long as a cap of ours, or end in "..."',
      "Prompt tokens shrink between two steps of a run",
    ],
    diagnosis: [
      "Compare the growth of prompt tokens from one step to the next with the length of the output, at four characters a token",
      "Look for our own cap: the same length again and again",
      "An empty outputs list of code_interpreter is normal, and no sign of truncation",
      "file_search shows its content only where include[] asked for it",
    ],
    actions: [
      { id: "shrink_tool_output", text: "Return less: the fields that are needed, the best results, a summary" },
      { id: "page_tool_output", text: "Return pages, and tell the model how to ask for the next" },
      { id: "mark_truncation", text: "Where text is cut, say so in the output" },
    ],
    escalation,
    expectedMinutes: 60,
  },
  {
    id: "active_run_conflict",
    name: "Active Run Conflict",
    trigger: "Requests are refused with 400 because the thread already has an active run",
    symptoms: [
      "400: thread already has an active run",
      "400: cannot add messages while a run is active",
      "A second message soon after the first fails",
    ],
    diagnosis: [
      "Take the run id from the message: it names the run that blocks",
      "See whether that run works, or is stuck in requires_action",
      "Look for two workers, a double click or a retry that created a second run for one question",
    ],
    actions: [
      { id: "queue_by_thread", text: "Handle one message of a thread at a time" },
      { id: "wait_for_run", text: "Wait for the active run with a time limit, then add the message" },
      { id: "cancel_run", text: "Cancel the run that blocks, where it is stuck" },
    ],
    escalation,
    expectedMinutes: 20,
  },
];
