import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "sightline/testing";
import { metrics } from "../../src/monitors/metrics/metrics.ts";
import { metricsDashboard } from "../../src/monitors/metrics/metrics-dashboard.ts";
import { sparkline } from "../../src/monitors/metrics/sparkline.ts";
import { columns as widthOf } from "../../src/sinks/console-text.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

function busy() {
  const clock = fakeClock();
  const watched = metrics({ clock, quota: { tokensPerMinute: 1_000 }, queued: () => 3, circuit: () => "open" });
  const features = ["summarizer", "検索アシスタント", "evil \u001b[2J\nname", "a".repeat(300)];
  for (let i = 0; i < 120; i++) {
    clock.advance(2_500);
    const isBad = i % 12 === 0;
    watched.write([
      sampleSpan({
        spanId: String(i),
        type: "generation",
        startTime: "1000000000000000000",
        endTime: "1000000002500000000",
        genAi: { operation: "chat", requestModel: "gpt-4.1" },
        usage: { totalTokens: 40 },
        cost: { currency: "USD", total: 0.002, source: "computed" },
        trace: { feature: features[i % 4]! },
        ...(isBad && { status: { code: "error" }, error: { type: "RateLimitError", status: 429 } }),
      }),
    ]);
  }
  return watched;
}

test("the panel says what the snapshot says, as people read it", () => {
  const watched = busy();
  const panel = metricsDashboard(watched, { columns: 100 });
  for (const said of [
    /^Model calls {2}last 5 min +120 calls, 10 failed$/m,
    /^Latency {3}p50 2\.(?:4[89]|5[0-2]?) s {3}p95 2\.(?:4[89]|5[0-2]?) s/m,
    /^Failures {2}errors 8.3 % {3}timeouts 0 % {3}429 8.3 % {3}5xx 0 %$/m,
    /^Rate {6}calls 24\/min {3}tokens \d+\/min {3}\d+ % of quota$/m,
    /^Money {5}last hour 1.4\d USD\/h {3}unpriced calls 0 %$/m,
    /^Now {7}in flight 0 {3}queued 3 {3}circuit open$/m,
    /^Calls {5}[▁-█]{30} {2}up to \d in 10 s/m,
    /^Failed/m,
    /^Model +calls/m,
    /^gpt-4.1 +120/m,
  ]) {
    assert.match(panel, said);
  }
});

test("no line is wider than the terminal, with nothing to show and with names made to break it", () => {
  for (const watched of [busy(), metrics({ clock: fakeClock() })]) {
    for (const columns of [40, 50, 72, 80, 100, 110, 120, 200]) {
      const panel = metricsDashboard(watched, { columns });
      assert.ok(panel.endsWith("\n"));
      assert.ok(!panel.includes("\u001b"));
      for (const line of panel.split("\n")) assert.ok(widthOf(line) <= columns, `${columns}: ${line}`);
      assert.ok(!panel.includes("NaN") && !panel.includes("undefined"), panel);
    }
  }
});

test("colours are asked for, and change no column", () => {
  const watched = busy();
  for (const columns of [80, 120]) {
    const colored = metricsDashboard(watched, { columns, colors: true });
    assert.ok(colored.includes("\u001b[31mopen\u001b[0m"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const plain = colored.replace(/\u001b\[\d+m/g, "").replace(/ +$/gm, "");
    assert.equal(plain, metricsDashboard(watched, { columns }));
  }
});

test("a line of bars goes from zero to the largest, with gaps for what is not known", () => {
  assert.equal(sparkline([0, 1, 4, 8, null]), "▁▁▄█ ");
  assert.equal(sparkline([0, 0]), "▁▁");
  assert.equal(sparkline([]), "");
});
