/** Pages the vendor at this address, with the state at this path, and lives on until it is killed. */
import { notifier } from "../../../src/monitors/channels/notifier.ts";
import { pagerDuty } from "../../../src/monitors/channels/pagerduty.ts";
import { stateFile } from "../../../src/monitors/state.ts";

const [url, routingKey, path] = process.argv.slice(2) as [string, string, string];
const notify = notifier({ channels: [pagerDuty({ url, routingKey })], state: stateFile(path) });
// What the first request has to load takes as long as a state file does to be written.
if (process.argv[5] === "warm") await notify.test();
notify.notify({
  id: "the id",
  key: "k",
  action: "trigger",
  severity: "sev1",
  title: "t",
  text: "",
  time: 1,
  alerts: [],
  facts: {},
  links: [],
});
setInterval(() => {}, 1_000);
