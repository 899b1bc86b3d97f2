import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { ConfigError } from "../../src/core/errors.ts";
import { budgetsDashboard } from "../../src/monitors/budgets/budgets-dashboard.ts";
import { csv } from "../../src/monitors/budgets/csv.ts";
import { columns } from "../../src/sinks/console-text.ts";
import { call, DAY, HOUR, made, memoryState } from "./budgets-lab.ts";

const daily = { name: "daily", usd: 100, per: "day" as const };

function day(): ReturnType<typeof made> {
  const one = made([
    daily,
    { name: "teams", usd: 20, per: "month", by: "team", timeZone: "Europe/Berlin", hard: true },
  ]);
  one.clock.advance(12 * HOUR);
  for (let i = 0; i < 6; i++) one.spend(2, { team: "alpha", feature: "summarizer", userId: `u${i % 2}` });
  for (let i = 0; i < 4; i++) one.spend(2, { team: "beta", feature: "chat" }, "gpt-4.1-mini");
  return one;
}

test("team alpha's summarizer used 60 %: the attribution by any of team, feature, model and user", () => {
  const { monitor } = day();
  const { rows, total, period, by } = monitor.attribution();
  assert.deepEqual([by, period], [["team", "feature"], "2026-01-01"]);
  assert.deepEqual(rows, [
    { group: { team: "alpha", feature: "summarizer" }, usd: 12, share: 0.6, calls: 6, tokens: 720, unpriced: 0 },
    { group: { team: "beta", feature: "chat" }, usd: 8, share: 0.4, calls: 4, tokens: 480, unpriced: 0 },
  ]);
  assert.deepEqual(total, { usd: 20, share: 1, calls: 10, tokens: 1200, unpriced: 0 });
  assert.deepEqual(
    monitor.attribution({ by: "user", period: "month" }).rows.map(({ group, usd }) => [group.user, usd]),
    [
      [null, 8],
      ["u0", 6],
      ["u1", 6],
    ],
  );
  assert.deepEqual(JSON.parse(monitor.report({ by: "model", format: "json" })), monitor.attribution({ by: "model" }));
});

test("the table has one line each, a total, and says what is not in it", () => {
  const { monitor } = day();
  for (let i = 0; i < 12; i++) monitor.write([call({ who: { feature: "search" }, model: "my-model" })]);
  assert.equal(
    monitor.report(),
    `Costs of the day 2026-01-01 (UTC)

team   feature       USD    share  calls  tokens  unpriced
──────────────────────────────────────────────────────────
alpha  summarizer  12.00   60.0 %      6     720         –
beta   chat         8.00   40.0 %      4     480         –
–      search          –        –     12   1,440        12
──────────────────────────────────────────────────────────
total              20.00  100.0 %     22   2,640        12

12 calls of my-model have no known price: not in these amounts.
`,
  );
  const empty = made([daily]).monitor.report({ by: "team" });
  assert.match(empty, /^total {2}0\.00 {6}– {6}0 {7}0 {9}–$/m);
});

test("names from requests stay in their column and cannot move the cursor", () => {
  const { monitor, spend } = made([daily]);
  spend(1, { team: "\u001b[2J数学\nteam", feature: "x".repeat(100) });
  const lines = monitor.report().split("\n");
  assert.ok(!monitor.report().includes("\u001b"));
  const table = lines.filter((line) => /USD|100\.0/.test(line));
  assert.equal(new Set(table.map(columns)).size, 1, lines.join("\n"));
});

test("the CSV is RFC 4180, and no name in it is a formula", () => {
  const { monitor, spend } = made([daily]);
  spend(1.5, { team: '=HYPERLINK("http://evil","x")', feature: "a,b" });
  spend(1, { team: "@sum", feature: "two\nlines" });
  spend(0.5, { team: "-2+3", feature: "+1" });
  spend(0.000_000_25, { team: "\tcmd" });
  assert.equal(
    monitor.report({ format: "csv" }).split("\r\n").slice(0, -1).join("\n\n"),
    [
      "period,team,feature,usd,share,calls,tokens,unpriced",
      `2026-01-01,"'=HYPERLINK(""http://evil"",""x"")","a,b",1.5,${1.5 / 3.00000025},1,120,0`,
      `2026-01-01,'@sum,"two\nlines",1,${1 / 3.00000025},1,120,0`,
      `2026-01-01,'-2+3,'+1,0.5,${0.5 / 3.00000025},1,120,0`,
      `2026-01-01,'\tcmd,,0.00000025,0.000000083333,1,120,0`,
    ].join("\n\n"),
  );
  assert.equal(csv([[-1, "-1", 0, ""]]), "-1,'-1,0,\r\n");
});

test("yesterday's report can be had today, the one of last week not any more", () => {
  const { clock, monitor, spend } = made([daily]);
  spend(1, { team: "alpha" });
  clock.advance(DAY);
  spend(2, { team: "beta" });
  assert.equal(monitor.attribution({ by: "team", period: "2026-01-01" }).rows[0]!.usd, 1);
  assert.equal(monitor.attribution({ by: "team", period: "day" }).rows[0]!.usd, 2);
  for (let i = 0; i < 3; i++) {
    clock.advance(DAY);
    spend(1);
  }
  const wrong: [options: object, message: RegExp][] = [
    [
      { period: "2026-01-01" },
      /knows no period "2026-01-01"; the limits have periods of a day, and the last three are kept/,
    ],
    [{ period: "month" }, /knows no period "month"/],
    [{ by: "session" }, /takes as by some of model, feature, team, user, each once; it got "session"/],
    [{ by: [] }, /takes as by/],
    [{ by: ["team", "team"] }, /each once/],
    [{ format: "xml" }, /formats table, json and csv; it got "xml"/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => monitor.report(options),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

test("the cross-tab is bounded: users go to `other` first, and sums stay whole", () => {
  const state = memoryState();
  const { monitor, spend } = made([daily], { state });
  for (let i = 0; i < 3_000; i++) spend(i < 10 ? 1 : 0.001, { team: `t${i % 3}`, userId: `u${i}` });
  const { rows, total } = monitor.attribution({ by: ["team", "user"] });
  assert.ok(rows.length <= 2_200, `${rows.length}`);
  assert.deepEqual([total.calls, total.usd], [3_000, 12.99]);
  assert.equal(rows.filter(({ usd }) => usd === 1).length, 10, "the large ones are kept apart");
  const teams = monitor.attribution({ by: "team" }).rows;
  assert.deepEqual(
    teams.map(({ calls }) => calls),
    [1_000, 1_000, 1_000],
    "nothing else is lost with the users",
  );
  for (let i = 0; i < 3_000; i++) spend(0.001, { team: `team ${i}` });
  assert.ok(monitor.attribution({ by: "team" }).rows.length <= 2_200);
  assert.equal(monitor.attribution({ by: "team" }).total.calls, 6_000);
  monitor.flush!();
  assert.ok(state.text().length < 300_000, `${state.text().length} bytes of state`);
  assert.equal(made([daily], { state }).monitor.attribution().total.calls, 6_000);
});

test("the dashboard has a bar for each budget, the fullest first, and fits into any terminal", () => {
  const { monitor, spend, start } = day();
  spend(9, { team: "alpha", feature: "summarizer" });
  start({ team: "alpha" });
  assert.equal(
    budgetsDashboard(monitor, { columns: 100, colors: false }),
    `Budgets
teams · alpha  ████████████████████████    105 %   21.00 of 20.00 USD
  closed until 2026-01-31T23:00Z, 1 refused
teams · beta   ██████████░░░░░░░░░░░░░░     40 %    8.00 of 20.00 USD
daily          ███████░░░░░░░░░░░░░░░░░     29 %  29.00 of 100.00 USD
`,
  );
  for (let i = 0; i < 30; i++) spend(5 + i, { team: `a team with a long name ${i}` });
  for (const width of [40, 47, 60, 80, 200]) {
    for (const colors of [true, false]) {
      const text = budgetsDashboard(monitor, { columns: width, colors });
      assert.equal(text.includes("\u001b["), colors);
      for (const line of stripVTControlCharacters(text).split("\n")) assert.ok(columns(line) <= width, line);
      assert.match(text, /and 21 more/);
    }
  }
});
