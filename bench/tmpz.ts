import { fakeClock } from "sightline/testing";
import { metrics } from "../src/monitors/metrics/metrics.ts";
import { newStore } from "../src/monitors/metrics/store.ts";
import { modelCallOf } from "../src/monitors/model-call.ts";
import { sampleSpan } from "../src/testing/sample-records.ts";
const pick = (count: number): number => Math.floor(Math.random() ** 2 * count);
const calls = Array.from({length: 50_000}, (_, i) => modelCallOf(sampleSpan({ spanId: String(i), type: "generation", startTime: "1732000000000000000", endTime: String(1732000000000000000n + BigInt(Math.round(Math.exp(0.2+Math.random()+Math.random())*1e9))),
 ...(i%2===0 && {firstChunkTime: "1732000000700000000"}), genAi: { operation: "chat", responseModel: "gpt-"+pick(10) }, usage: { totalTokens: 800 }, cost: { currency: "USD", total: 0.004 * Math.random(), source: "computed" }, trace: { userId: "user_"+pick(10000), feature: "f"+pick(40), team: "t"+pick(8)} }))!);
const run = (name: string, step: number, strip = (c: any) => c) => {
  const list = calls.map(strip);
  for (let r = 0; r < 4; r++) {
    const store = newStore({ accuracy: 0.01, maxGroups: 30, startMs: 0 });
    let now = 1000;
    const cpu = process.cpuUsage();
    for (let k = 0; k < 4; k++) for (let i = 0; i < list.length; i++) { if ((i & 255) === 0) now += step; store.add(list[i], now); }
    const { user, system } = process.cpuUsage(cpu);
    if (r === 3) console.log(name.padEnd(30), ((user + system) * 1000 / 200_000).toFixed(0), "ns each");
  }
};
for (let i=0;i<3;i++) run("all, 100 ms a batch", 100);
