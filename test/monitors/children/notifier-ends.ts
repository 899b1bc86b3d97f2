/**
 * Has a page to tell through the channel at this address, and ends in the way that is named. `alone`: no alerts() has the
 * notifier; `second`: one has, and has nothing to tell; `late`: another page comes as the process exits.
 */
import { configure } from "sightline";
import { alerts } from "../../../src/monitors/alerts/alerts.ts";
import { notifier } from "../../../src/monitors/channels/notifier.ts";
import { webhook } from "../../../src/monitors/channels/webhook.ts";
import type { Source } from "../../../src/monitors/reading.ts";
import { stateFile } from "../../../src/monitors/state.ts";

const [url, end, how, path] = process.argv.slice(2) as [string, string, string, string | undefined];
const notify = notifier({
  channels: [webhook({ url, secret: "a secret of sixteen or more characters" })],
  deadLetters: ({ channel, reason, notification }) => console.log("dead", channel, reason, notification.title),
  ...(path !== undefined && { state: stateFile(path) }),
});
const source: Source = {
  metrics: [{ name: "error_rate", unit: "share", description: "Failed calls" }],
  read: () => [{ value: 0.5, samples: 100, labels: {} }],
};
const rules = [
  { name: "Down", metric: "error_rate", comparison: ">", threshold: 0.05, windowMs: 60_000, severity: "sev1" },
] as const;
const isWired = how !== "alone";
const watch = alerts({ sources: [source], rules, listeners: isWired ? [notify] : [], everyMs: false });
if (how !== "unconfigured") configure({ sinks: [watch], prices: false });
const page = (key: string) => {
  const facts = {};
  notify.notify({
    id: key,
    key,
    action: "trigger",
    severity: "sev1",
    title: key,
    text: "",
    time: 1,
    alerts: [],
    facts,
    links: [],
  });
};

process.on("exit", (code) => console.log("exit", code));
if (how === "late") process.on("exit", () => page("late"));
if (how === "alone" || how === "second") page("B");
else watch.evaluate();
if (end === "exit") process.exit(3);
if (end === "throw") throw new Error("of the program");
if (end === "SIGKILL") process.kill(process.pid, "SIGKILL");
if (end.startsWith("SIG")) {
  setInterval(() => {}, 1_000);
  console.log("ready");
}
