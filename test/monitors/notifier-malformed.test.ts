import assert from "node:assert/strict";
import { test } from "node:test";
import { type Notifier, notifier } from "../../src/monitors/channels/notifier.ts";
import { messageOf, type Probe, probe } from "../support/notifications.ts";
import { stderrOf } from "../support/stderr-of.ts";

const told = ({ sent }: Probe): string[] =>
  sent.map(({ notification }) => `${notification.action} ${notification.severity}`);

test("a severity as the tables write it is the same severity: SEV2 pages", async () => {
  const [page, team] = [probe("p"), probe("t")];
  const notify = notifier({ channels: { page: [page], team: [team] } });
  notify.notify(messageOf({ severity: "SEV2" as "sev2" }));
  await notify.flush();
  assert.deepEqual([told(page), told(team), notify.stats().malformed], [["trigger sev2"], [], 0]);
  await notify.close();
});

test("what cannot be understood is counted and told of once, and a severity that there is not is no silent sev3", async () => {
  const team = probe("t");
  const notify: Notifier = notifier({ channels: { team: [team] } });
  const text = await stderrOf(async () => {
    for (const wrong of [messageOf({ action: "fire" as "trigger" }), {}, undefined, null, "down"]) {
      notify.notify(wrong as any);
    }
    for (const key of ["a", "b"]) notify.notify(messageOf({ key, severity: "urgent" as "sev1" }));
    await notify.flush();
  });
  assert.deepEqual([notify.stats().malformed, told(team)], [7, ["trigger sev3", "trigger sev3"]]);
  const [first, second, end] = text.split("\n");
  assert.match(
    first!,
    /^sightline: notifier "notifier": nobody is told of a message with action "fire": a message takes a key/,
  );
  assert.match(second!, /a message of severity "urgent" is told as sev3; there are sev1, sev2, sev3, sev4\.$/);
  assert.equal(end, "");
  await notify.close();
});
