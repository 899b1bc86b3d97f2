import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError } from "sightline";
import { fakeClock } from "sightline/testing";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { isMoreThanChance } from "../../src/monitors/alerts/binomial.ts";
import { defaultRules } from "../../src/monitors/alerts/default-rules.ts";
import type { Metric, Source } from "../../src/monitors/reading.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { type Lab, lab, memoryState, RULE } from "./alerts-lab.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function refused(run: () => unknown, code: string, words: RegExp): void {
  assert.throws(
    run,
    (error: ConfigError) => error instanceof ConfigError && error.code === code && words.test(error.message),
  );
}

test("A silenced alert changes state in quiet, and is told when the silence ends and it still fires", () => {
  const { after, story, watch } = lab({ labels: { team: "alpha" } });
  const id = watch.silence({ matchers: { team: "alpha", rule: /error/ }, forMs: HOUR, comment: "deploy by Ann" });
  after(0, 0.07);
  assert.deepEqual([story(), watch.active()[0]!.isSilenced], [["inactive>firing"], true]);
  after(HOUR - 1);
  assert.deepEqual(story(), ["inactive>firing"]);
  after(1);
  assert.deepEqual([story().at(-1), watch.active()[0]!.isSilenced], ["firing>firing!", undefined]);
  assert.equal(watch.unsilence(id), false);
});

test("What fires and ends under a silence is never told; what was told before is told as over in spite of it", () => {
  const { after, story, watch } = lab({ cooldownMs: 0 });
  const id = watch.silence({ matchers: { severity: "sev2" }, forMs: HOUR, comment: "x" });
  after(0, 0.07);
  after(15_000, 0.01);
  assert.equal(watch.unsilence(id), true);
  after(15_000, 0.07);
  watch.silence({ matchers: { metric: "error_rate" }, forMs: HOUR, comment: "x" });
  after(15_000, 0.01);
  assert.deepEqual(story(), ["inactive>firing", "firing>resolved", "resolved>firing!", "firing>resolved!"]);
});

test("All matchers must match: text whole, expressions where they are found, however often they are asked", () => {
  const covered = (matchers: { [name: string]: string | RegExp }) => {
    const { after, watch } = lab({ labels: { team: "alpha" } });
    watch.silence({ matchers, forMs: 2 * HOUR, comment: "x" });
    after(0, 0.07);
    for (let i = 0; i < 3; i++) after(HOUR / 4);
    return watch.active()[0]!.isSilenced === true;
  };
  assert.deepEqual(
    [covered({ team: "alpha" }), covered({ team: "alp" }), covered({ team: /alp/gy })],
    [true, false, true],
  );
  assert.deepEqual(
    [covered({ team: "alpha", severity: "sev1" }), covered({ other: /./ }), covered({ other: "" })],
    [false, false, true],
  );
  assert.deepEqual([covered({ toString: /./ }), covered({ rule: "High error rate" })], [false, true]);
});

test("Setting the wall clock does not end a silence of so many milliseconds; one until a time goes by that clock", () => {
  const { after, clock, watch } = lab();
  watch.silence({ matchers: { rule: /./ }, forMs: HOUR, comment: "for" });
  watch.silence({ matchers: { rule: /./ }, untilMs: clock.epochMs() + HOUR, comment: "until" });
  clock.jump(24 * HOUR);
  after(0, 0.07);
  assert.deepEqual(
    watch.silences().map(({ id, comment }) => [id, comment]),
    [["silence_1", "for"]],
  );
});

test("A silence that says nothing, or everything at once, is refused", () => {
  const { watch } = lab();
  const bad = (silence: any, words: RegExp) => refused(() => watch.silence(silence), "CONFIG_SILENCE", words);
  bad({ matchers: {}, forMs: 1, comment: "x" }, /needs matchers/);
  bad(undefined, /needs matchers/);
  bad({ matchers: { rule: 3 }, forMs: 1, comment: "x" }, /matcher rule takes a text/);
  bad({ matchers: { rule: "x" }, comment: "x" }, /untilMs or forMs/);
  bad({ matchers: { rule: "x" }, forMs: 1, untilMs: 1, comment: "x" }, /untilMs or forMs/);
  bad({ matchers: { rule: "x" }, forMs: -1, comment: "x" }, /it is -1/);
  bad({ matchers: { rule: "x" }, forMs: 1, comment: " " }, /comment/);
  for (let i = 0; i < 1_000; i++) watch.silence({ matchers: { rule: "x" }, forMs: 1, comment: "x" });
  bad({ matchers: { rule: "x" }, forMs: 1, comment: "x" }, /1000 silences already/);
});

test("A rule that cannot be used is refused with its name, what is wrong and what is right", () => {
  const bad = (rule: object, words: RegExp) => refused(() => lab(rule), "CONFIG_ALERT_RULE", words);
  bad(
    { metric: "error_rat" },
    /"High error rate" is about the metric "error_rat", which no source has. They have: error_rate, /,
  );
  bad({ comparison: "=" }, /comparison takes >, >=, < or <=; it is "="/);
  bad({ threshold: "0.05" }, /threshold takes a number; it is "0.05"/);
  bad({ threshold: undefined }, /has no threshold/);
  bad({ clear: 0.06 }, /fires at > 0.05 and is over at 0.06, which is on the bad side/);
  bad({ windowMs: 0 }, /windowMs takes milliseconds above zero; it is 0/);
  bad({ widenToMs: 1 }, /widenToMs 1 below its windowMs/);
  bad({ forMs: -1 }, /forMs/);
  bad({ minSamples: 0.5 }, /minSamples takes a whole number/);
  bad({ confidence: 99 }, /confidence takes a number from 0.5 to below 1; it is 99/);
  bad({ severity: "critical" }, /severity takes sev1, sev2, sev3, sev4; it is "critical"/);
  bad({ by: "colour" }, /by takes model, feature, team, user/);
  bad({ where: { model: "a", user: "b" } }, /where takes one of/);
  bad({ labels: { a: 1 } }, /labels takes an object of texts/);
  bad({ forSeconds: 3 }, /has "forSeconds", which no rule has. Known: name, metric/);
  bad({ by: "model", where: { feature: "a" } }, /asks by model where feature is given/);
  refused(() => lab([RULE, RULE]), "CONFIG_ALERT_RULE", /two rules are called "High error rate"/);
  refused(() => lab([null as any]), "CONFIG_ALERT_RULE", /rules\[0\] is no rule: null/);
  const source = { metrics: [{ name: "m", unit: "count", description: "" }] as const, read: () => [] };
  refused(() => alerts({ sources: [source, source] }), "CONFIG_ALERT_RULE", /two sources have the metric "m"/);
  refused(() => alerts({ sources: [{}] as any }), "CONFIG_BAD_VALUE", /sources/);
  refused(() => alerts({ sources: [], every: 3 } as any), "CONFIG_UNKNOWN_OPTION", /everyMs/);
});

test("A rule is what it was when it was given", () => {
  const rule = { ...RULE };
  const { after, watch } = lab([rule]);
  rule.threshold = 1;
  after(0, 0.07);
  assert.equal(watch.active().length, 1);
});

test("The binomial test agrees with figures that others have worked out", () => {
  // scipy.stats.binom.sf(k - 1, n, p): 0.0115, 0.0043; 0.00037; 1.1e-13.
  assert.deepEqual(
    [11, 12].map((k) => isMoreThanChance(k, 100, 0.05, 0.99)),
    [false, true],
  );
  assert.deepEqual(
    [0.9996, 0.9997].map((confidence) => isMoreThanChance(4, 8, 0.05, confidence)),
    [true, false],
  );
  assert.equal(isMoreThanChance(100, 100, 0.5, 1 - 1e-12), true);
  assert.equal(isMoreThanChance(5, 100, 0.05, 0.5), false);
  assert.equal(isMoreThanChance(50_700, 1_000_000, 0.05, 0.99), true);
  assert.equal(isMoreThanChance(50_400, 1_000_000, 0.05, 0.99), false);
  assert.deepEqual([isMoreThanChance(1, 10, 0, 0.99), isMoreThanChance(0, 10, 0, 0.99)], [true, false]);
});

/** By exact sums of BigInt, for all samples up to sixty. */
test("The binomial test is exact", () => {
  const choose = (n: number, k: number) => {
    let product = 1n;
    for (let i = 0; i < k; i++) product = (product * BigInt(n - i)) / BigInt(i + 1);
    return product;
  };
  for (const n of [1, 5, 9, 10, 11, 33, 60]) {
    for (const percent of [1, 2, 5, 50, 95]) {
      const whole = 100n ** BigInt(n);
      let tail = 0n;
      for (let k = n; k > (n * percent) / 100; k--) {
        tail += choose(n, k) * BigInt(percent) ** BigInt(k) * BigInt(100 - percent) ** BigInt(n - k);
        const exact = Number((tail * 10n ** 15n) / whole) / 1e15;
        if (exact > 0.49 || exact < 1e-9) continue;
        const found = [exact * 0.999, exact * 1.001].map((level) => isMoreThanChance(k, n, percent / 100, 1 - level));
        assert.deepEqual(found, [false, true], `${k} of ${n} at ${percent} %: ${exact}`);
      }
    }
  }
});

test("The default rules are the course's table, with the levels of its runbooks", () => {
  const table = defaultRules().map((rule) => `${rule.metric} ${rule.comparison} ${rule.threshold} ${rule.severity}`);
  assert.deepEqual(table, [
    "latency_p50 > 2 sev3",
    "latency_p50 > 5 sev2",
    "latency_p95 > 8 sev3",
    "latency_p95 > 15 sev2",
    "error_rate > 0.02 sev3",
    "error_rate > 0.05 sev2",
    "rate_limit_rate > 0.01 sev3",
    "rate_limit_rate > 0.05 sev2",
    "server_error_rate > 0.5 sev1",
    "circuit_open > 0 sev1",
    "token_quota_used > 0.8 sev3",
    "token_quota_used > 0.95 sev2",
    "cost_rate > 1.2 sev3",
    "cost_rate > 1.5 sev2",
    "budget_used > 0.8 sev3",
    "budget_used > 0.95 sev2",
    "quality < 0.7 sev3",
    "quality < 0.5 sev2",
    "quality_drift > 1 sev4",
  ]);
  const of = (name: string) => defaultRules().find((rule) => rule.name === name)!;
  assert.equal(of("Rate limits critical").forMs, 2 * MINUTE);
  assert.equal(of("Quality critical").forMs, 10 * MINUTE);
  for (const { name, runbook, summary } of defaultRules()) assert.ok(runbook && summary?.endsWith("."), name);
});

test("The default rules pass the check of alerts(), and a warning never comes before the critical one of its metric", () => {
  const rules = defaultRules();
  const metrics = [...new Set(rules.map(({ metric }) => metric))].map(
    (name): Metric => ({ name, unit: "share", description: "" }),
  );
  const watch = alerts({ rules, sources: [{ metrics, read: () => [] }], everyMs: false });
  watch.evaluate();
  assert.equal(watch.all().length, rules.length);
  for (const { metric, forMs } of rules) {
    assert.deepEqual(
      rules.filter((rule) => rule.metric === metric && rule.forMs !== forMs),
      [],
    );
  }
});

test("Thresholds, severities and what is left out can be chosen, by names that exist", () => {
  const rules = defaultRules({
    thresholds: { latency_p95: { warning: 12 }, server_error_rate: { outage: 0.3 } },
    severities: { critical: "sev1", ticket: "sev3" },
    except: ["token_quota_used", "Circuit open"],
  });
  const find = (name: string) => rules.find((rule) => rule.name === name);
  assert.deepEqual([find("p95 latency high")!.threshold, find("p95 latency critical")!.threshold], [12, 15]);
  assert.deepEqual([find("API outage")!.threshold, find("Quality drift")!.severity], [0.3, "sev3"]);
  assert.deepEqual(
    [rules.length, find("Circuit open"), find("p95 latency critical")!.severity],
    [16, undefined, "sev1"],
  );
  const bad = (options: any, words: RegExp) => refused(() => defaultRules(options), "CONFIG_ALERT_RULE", words);
  bad({ thresholds: { p95: { warning: 1 } } }, /no use for thresholds of "p95". There are: latency_p50/);
  bad({ thresholds: { quality: { warn: 1 } } }, /threshold of quality called "warn". It has: warning, critical/);
  bad({ thresholds: { quality: { warning: "1" } } }, /takes a number/);
  bad({ except: ["Circuit"] }, /"Circuit" to leave out/);
  bad({ severities: { critical: "page" } }, /severity "page". There are: sev1/);
  bad({ severities: { crit: "sev1" } }, /level "crit"/);
});

test("Without rules, alerts() has the default ones about what its sources know", () => {
  const source: Source = { metrics: [{ name: "quality", unit: "score", description: "" }], read: () => [] };
  const watch = alerts({ sources: [source], everyMs: false });
  watch.evaluate();
  assert.deepEqual(
    watch.all().map(({ rule }) => rule.name),
    ["Quality low", "Quality critical"],
  );
});

/** One process, then the next: its monotonic clock begins at zero, the wall clock goes on. */
function restart(
  rule: Partial<AlertRule>,
  before: (first: Lab) => void,
  options: { gapMs?: number; next?: Partial<AlertRule> | readonly AlertRule[] } = {},
): { first: Lab; second: Lab } {
  const state = memoryState();
  const first = lab(rule, { state });
  before(first);
  state.save();
  const clock = fakeClock(first.clock.epochMs() + (options.gapMs ?? 10_000));
  const second = lab(options.next ?? rule, { state, clock, says: undefined });
  return { first, second };
}

test("Restart firing: it goes on, is not told again, and the next process tells that it is over", () => {
  const { first, second } = restart({}, ({ after }) => after(0, 0.07));
  assert.deepEqual(second.watch.active()[0], {
    ...first.watch.active()[0]!,
    isStale: true,
    message: second.watch.active()[0]!.message,
  });
  second.after(15_000);
  second.after(15_000, 0.07);
  assert.deepEqual([second.story(), second.watch.active()[0]!.isStale], [[], undefined]);
  second.after(15_000, 0.01);
  assert.deepEqual(second.story(), ["firing>resolved!"]);
  assert.equal(second.events[0]!.alert.firedAt, first.events[0]!.alert.firedAt);
});

test("Restart firing: one that was quiet is told by the next process, when its cooldown is over", () => {
  const { second } = restart(
    { cooldownMs: 5 * MINUTE },
    ({ after }) => {
      after(0, 0.07);
      after(MINUTE, 0.01);
      after(MINUTE, 0.07);
    },
    { gapMs: MINUTE },
  );
  second.say(0.07);
  second.after(119_999);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>firing!"]);
});

test("Restart firing: without data in the next process it is over after staleMs there", () => {
  const { second } = restart({}, ({ after }) => after(0, 0.07), { gapMs: 24 * HOUR });
  second.after(15_000);
  second.after(HOUR - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>resolved!"]);
});

test("Restart pending: after a short gap it keeps what it had, and neither the gap nor the wait for data counts", () => {
  const { first, second } = restart(
    { forMs: 2 * MINUTE },
    ({ after }) => {
      after(0, 0.07);
      after(MINUTE);
    },
    { gapMs: 3 * MINUTE },
  );
  const { startedAt } = first.watch.all()[0]!;
  second.after(15_000);
  assert.deepEqual([second.watch.all()[0]!.state, second.watch.all()[0]!.startedAt], ["pending", startedAt]);
  second.after(15_000, 0.07);
  second.after(MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["pending>firing!"]);
  assert.equal(second.watch.active()[0]!.startedAt, startedAt);
});

test("Restart pending: after a gap longer than its window it is forgotten", () => {
  const { second } = restart({ forMs: 2 * MINUTE }, ({ after }) => after(0, 0.07), { gapMs: 5 * MINUTE + 1 });
  assert.equal(second.watch.all().length, 0);
  second.after(0, 0.07);
  assert.deepEqual(second.story(), ["inactive>pending"]);
});

test("Restart pending: it waits for data as long as its window, then it has none", () => {
  const { second } = restart({ forMs: 2 * MINUTE }, ({ after }) => after(0, 0.07));
  second.after(5 * MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["pending>no_data"]);
});

test("Restart pending: a second restart before the first data keeps what it had", () => {
  const state = memoryState();
  const first = lab({ forMs: 2 * MINUTE }, { state });
  first.after(0, 0.07);
  first.after(MINUTE);
  for (let i = 0; i < 2; i++) {
    state.save();
    lab({ forMs: 2 * MINUTE }, { state, clock: fakeClock(first.clock.epochMs()), says: undefined }).after(MINUTE);
  }
  state.save();
  const last = lab({ forMs: 2 * MINUTE }, { state, clock: fakeClock(first.clock.epochMs()), says: 0.07 });
  last.after(0);
  last.after(MINUTE);
  assert.deepEqual(last.story(), ["pending>firing!"]);
});

test("Rule removed: what fired by it is over, told once; what was pending is forgotten", () => {
  const other = { ...RULE, name: "Other" };
  const { second } = restart({}, ({ after }) => after(0, 0.07), { next: [other] });
  second.after(15_000);
  second.after(15_000);
  assert.deepEqual(second.story(), ["firing>resolved!", "inactive>no_data"]);
  assert.equal(second.events[0]!.alert.message, "error_rate was 7 %, above 5 %; its rule is not there any more");
  assert.deepEqual(
    second.watch.all().map(({ rule }) => rule.name),
    ["Other"],
  );
  const pending = restart({ forMs: MINUTE }, ({ after }) => after(0, 0.07), { next: [other] });
  pending.second.after(15_000);
  assert.deepEqual(pending.second.story(), ["inactive>no_data"]);
});

test("Rule changed: with another threshold it goes on by that, about something else it is another rule", () => {
  const raised = restart({}, ({ after }) => after(0, 0.07), { next: { threshold: 0.1 } });
  raised.second.after(15_000, 0.07);
  assert.deepEqual(raised.second.story(), ["firing>resolved!"]);
  assert.equal(raised.second.events[0]!.alert.message, "error_rate is 7 %, no longer above 10 %");
  for (const next of [
    { metric: "latency_p95" },
    { by: "feature" },
    { labels: { a: "b" } },
    { comparison: "<" },
  ] as const) {
    const { second } = restart({}, ({ after }) => after(0, 0.07), { next });
    second.after(15_000);
    assert.equal(second.story()[0], "firing>resolved!", JSON.stringify(next));
  }
});

test("Clock jump between two processes: back is no gap, a year ahead is a long one, and no cooldown is longer than it was", () => {
  const flapping = ({ after }: Lab) => {
    after(0, 0.07);
    after(15_000, 0.01);
    after(15_000, 0.07);
  };
  const back = restart({}, flapping, { gapMs: -365 * 24 * HOUR }).second;
  back.after(0, 0.07);
  back.after(270_000 - 1);
  assert.deepEqual(back.story(), []);
  back.after(1);
  assert.deepEqual(back.story(), ["firing>firing!"]);
  const ahead = restart({}, flapping, { gapMs: 365 * 24 * HOUR }).second;
  ahead.after(0, 0.07);
  assert.deepEqual(ahead.story(), ["firing>firing!"]);
});

test("Silences of an earlier process go on to their time, those of options are not doubled", () => {
  const state = memoryState();
  const silences = [{ matchers: { rule: "x" }, forMs: HOUR, comment: "option" }];
  const first = lab({}, { state, silences });
  first.watch.silence({ matchers: { rule: /^high/i, severity: "sev2" }, forMs: HOUR, comment: "deploy" });
  first.watch.silence({ matchers: { rule: /./ }, untilMs: first.clock.epochMs() + MINUTE, comment: "short" });
  first.after(0, 0.07);
  state.save();
  const second = lab({}, { state, silences, clock: fakeClock(first.clock.epochMs() + 2 * MINUTE), says: 0.07 });
  assert.deepEqual(
    second.watch
      .silences()
      .map(({ comment }) => comment)
      .sort(),
    ["deploy", "option"],
  );
  second.after(58 * MINUTE - 1);
  // Heard of, and told to nobody.
  assert.deepEqual(second.story(), ["firing>firing"]);
  second.after(1);
  assert.deepEqual(second.story().slice(1), ["firing>firing!"]);
});

test("Silences keep their ids, whatever the options of the next process are", () => {
  const state = memoryState();
  const first = lab({}, { state });
  const id = first.watch.silence({ matchers: { rule: "x" }, forMs: HOUR, comment: "by hand" });
  state.save();
  const silences = [1, 2].map((n) => ({ matchers: { rule: "y" }, forMs: HOUR, comment: `option ${n}` }));
  const second = lab({}, { state, silences, clock: fakeClock(first.clock.epochMs()) });
  assert.deepEqual(
    second.watch
      .silences()
      .map(({ comment }) => comment)
      .sort(),
    ["by hand", "option 1", "option 2"],
  );
  assert.equal(second.watch.silences().find((silence) => silence.id === id)!.comment, "by hand");
});

test("A cooldown that is shorter now is that long at most", () => {
  const flapping = ({ after }: Lab) => {
    after(0, 0.07);
    after(15_000, 0.01);
    after(15_000, 0.07);
  };
  const { second } = restart({ cooldownMs: HOUR }, flapping, { next: { cooldownMs: MINUTE } });
  second.after(0, 0.07);
  second.after(MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>firing!"]);
});

test("What does not pend, fire or cool down is not written again and again", () => {
  const state = memoryState();
  let changes = 0;
  const { changed } = state;
  state.changed = (...args) => {
    changes++;
    changed(...args);
  };
  const { after } = lab({ cooldownMs: MINUTE }, { state });
  for (let i = 0; i < 5; i++) after(15_000);
  assert.equal(changes, 0);
  after(15_000, 0.07);
  after(15_000);
  assert.equal(changes, 2);
  after(15_000, 0.01);
  state.save();
  after(MINUTE);
  const whenOver = changes;
  for (let i = 0; i < 5; i++) after(15_000);
  assert.equal(changes, whenOver);
  state.save();
  assert.deepEqual(JSON.parse(state.json).alerts.alerts, []);
});

test("A state that holds something else is left alone, entry by entry", () => {
  const state = memoryState();
  const { after } = lab({}, { state });
  after(0, 0.07);
  state.save();
  const saved = JSON.parse(state.json);
  saved.alerts.alerts.unshift(null, 7, {}, { rule: 3, group: "{" });
  saved.alerts.silences.silences = [null, { id: "a", matchers: 3 }];
  state.json = JSON.stringify(saved);
  assert.equal(lab({}, { state }).watch.active().length, 1);
  for (const alerts of [null, 3, [], { alerts: 7, silences: [] }, { savedAt: "x", alerts: ["y"] }]) {
    state.json = JSON.stringify({ alerts });
    assert.equal(lab({}, { state }).watch.active().length, 0);
  }
});

test("With a real file: written on close, and empty again when all is over", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "alerts-")), "monitors.json");
  const first = lab({ cooldownMs: 0 }, { state: stateFile(path) });
  first.after(0, 0.07);
  await first.watch.close!();
  const second = lab({ cooldownMs: 0 }, { state: stateFile(path), says: 0.07 });
  assert.equal(second.watch.active().length, 1);
  second.after(15_000, 0.01);
  await second.watch.close!();
  assert.equal(lab({}, { state: stateFile(path) }).watch.all().length, 0);
});
