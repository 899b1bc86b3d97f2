import { budgetRows } from "./budgets.js";
import { rowsOf } from "./table.js";

/** docs/performance.md, of what `npm run bench -- --json` keeps. */
export function documentOf({ date, machine, runs }) {
  const nodes = runs.map(({ node }) => node).join(" and ");
  return `# Performance

Written by \`npm run bench -- --write\`; not by hand. ${date}, ${machine}, Node ${nodes}.

Every figure is the median of its rounds, with the least and the most in brackets. One process per contender and workload, in
random order within a round; "×" is the ratio to the **floor** of the same round, so that a busy minute is in both. What every
contender delivered is counted; who delivers less than it was given is refused, or has the loss as a figure.

- **Floor**: \`als.run\`, ids of 16 and 8 bytes from a pool, two clock reads, one object pushed to an array; the least that a
  nested tracer can do. What it captures it keeps by reference.
- **Caller's path**: time of the observed calls alone, everything being delivered between them. **CPU, delivered**: processor
  time of the whole process for the same spans, the work itself included, until the last is in a file.
- Sightline has its defaults: it captures arguments and results, and masks them. **Capture off** does the work that the floor
  and OpenTelemetry do. OpenTelemetry's \`file\` is written by hand: a line of JSON a span with the fields of our records.
- 200,000 spans come as traces of ten, 500 spans a turn of the event loop. There OpenTelemetry and Langfuse have a queue of a
  million spans, as they lose most with theirs; in the bursts everybody has the default.

## Budgets

${markdown(budgetRows(runs))}

## Measured

${runs.map(section).join("\n\n")}

## Do it again

\`\`\`sh
npm ci && npm ci --prefix bench/peers && npm ci --prefix test/compat/node   # the others, and the other Node
npm run bench -- --node=20,24 --write
npm run bench -- --only=memory --node=20,24   # ten million spans
npm run bench -- --only=leaf,nested --contenders=floor,sightline --rounds=7   # a part of it
\`\`\`
`;
}

function section({ node, workloads }) {
  const tables = Object.entries(workloads).map(([workload, rounds]) => markdown(rowsOf(workload, rounds)));
  return `### Node ${node}\n\n${tables.join("\n\n")}`;
}

function markdown([head, ...rows]) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
