/** Leaves a message waiting in the state at this path, and exits without a word. */
import { notifier } from "../../../src/monitors/channels/notifier.ts";
import { stateFile } from "../../../src/monitors/state.ts";

const page = { name: "p", preview: () => ({}), send: () => new Promise<void>(() => {}) };
const notify = notifier({ channels: [page], state: stateFile(process.argv[2]!) });
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
process.exit(0);
