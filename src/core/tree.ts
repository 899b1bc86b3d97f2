import { dedent, outline } from "./outline.ts";
import { matcher, type SpanQuery } from "./query.ts";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceInfo, TraceRecord } from "./record.ts";

/** The questions that one span, one trace and a whole `memorySink` answer alike. */
export interface Searchable {
  /** The first span that fits, parents before children, earlier before later. A span's own `find` begins with itself. */
  find(query: SpanQuery): SpanNode | undefined;
  /** Every span that fits, in the order of `find`. */
  findAll(query: SpanQuery): SpanNode[];
  /** As `find`, but throws an AssertionError that shows the tree when no span fits. */
  get(query: SpanQuery): SpanNode;
  /** The spans as indented text: name, type, status. Two runs of one program give the same text. */
  tree(): string;
  /** Throws an AssertionError with both trees unless `tree()` is the expected text; shared indentation is ignored. */
  expectTree(expected: string): void;
}

/** A span with its place in the tree. */
export interface SpanNode extends Searchable {
  readonly record: SpanRecord;
  /** Undefined for a root, for the child of a span in another process, and when the parent's record is missing. */
  readonly parent: SpanNode | undefined;
  /** By start time; those that started together, as they arrived. */
  readonly children: readonly SpanNode[];
  readonly scores: readonly ScoreRecord[];
  readonly findings: readonly FindingRecord[];
}

/** The spans of one trace. */
export interface TraceTree extends Searchable {
  readonly traceId: string;
  /** The trace's attributes as the newest record has them. */
  readonly info: TraceInfo;
  /** Spans without a known parent, by start time; usually one. */
  readonly roots: readonly SpanNode[];
  /** Scores of the trace, and those of spans that are not known. */
  readonly scores: readonly ScoreRecord[];
  /** Findings about the trace, and those about spans that are not known. */
  readonly findings: readonly FindingRecord[];
}

type Building<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

interface Gathered {
  info: TraceInfo;
  readonly nodes: Map<string, Building<SpanNode>>;
  readonly scores: ScoreRecord[];
  readonly findings: FindingRecord[];
}

/** One record for each span, score and finding, the one with the highest `seq`, in the order in which those arrived. */
export function latest(records: Iterable<TraceRecord>): TraceRecord[] {
  const byKey = new Map<string, TraceRecord>();
  for (const record of records) {
    const key = record.record === "span" ? `${record.traceId} ${record.spanId}` : `${record.record} ${record.id}`;
    const known = byKey.get(key);
    if (known && known.seq >= record.seq) continue;
    byKey.delete(key);
    byKey.set(key, record);
  }
  return [...byKey.values()];
}

/**
 * Records as trees, one for each trace, by start time. Takes records from anywhere: a memory sink, `readRecords`,
 * a request body. Parents that are missing or that form a ring lose nothing: what hangs below them becomes a root.
 */
export function buildTraces(records: Iterable<TraceRecord>): TraceTree[] {
  const traces = new Map<string, Gathered>();
  for (const record of latest(records)) {
    if (record.traceId === undefined) continue;
    let trace = traces.get(record.traceId);
    if (!trace) traces.set(record.traceId, (trace = { info: {}, nodes: new Map(), scores: [], findings: [] }));
    trace.info = record.trace;
    if (record.record === "score") trace.scores.push(record);
    else if (record.record === "finding") trace.findings.push(record);
    else trace.nodes.set(record.spanId, spanNode(record));
  }
  const trees: TraceTree[] = [];
  for (const [traceId, { info, nodes, scores, findings }] of traces) {
    const roots = link(nodes);
    for (const score of scores) nodes.get(score.spanId!)?.scores.push(score);
    for (const finding of findings) nodes.get(finding.spanId!)?.findings.push(finding);
    const isOwn = ({ spanId }: ScoreRecord | FindingRecord) => !nodes.has(spanId!);
    const own = { scores: scores.filter(isOwn), findings: findings.filter(isOwn) };
    trees.push({ traceId, info, roots, ...own, ...searchable(() => roots) });
  }
  const start = (tree: TraceTree) => tree.roots[0]?.record.startTime ?? "";
  return trees.sort((a, b) => compareNanos(start(a), start(b)));
}

function spanNode(record: SpanRecord): Building<SpanNode> {
  const node: Building<SpanNode> = {
    record,
    parent: undefined,
    children: [],
    scores: [],
    findings: [],
    ...searchable(() => [node]),
  };
  return node;
}

/** Hangs every node under its parent and returns the roots. */
function link(nodes: Map<string, Building<SpanNode>>): SpanNode[] {
  const ordered = [...nodes.values()].sort(byStart);
  for (const node of ordered) {
    const parent = nodes.get(node.record.parentSpanId!);
    node.parent = parent;
    parent?.children.push(node);
  }
  const roots: SpanNode[] = ordered.filter((node) => !node.parent);
  const reached = new Set<SpanNode>();
  for (const { node } of rows(roots)) reached.add(node);
  if (reached.size === ordered.length) return roots;
  for (const node of ordered) {
    if (reached.has(node)) continue;
    const ring = nodes.get(node.record.parentSpanId!)!;
    ring.children = ring.children.filter((child) => child !== node);
    node.parent = undefined;
    roots.push(node);
    for (const { node: below } of rows([node])) reached.add(below);
  }
  return roots.sort(byStart);
}

/** A node with what is drawn before its line (`├─ `) and before further lines that belong to it (`│  `). */
export interface Row {
  readonly node: SpanNode;
  readonly branch: string;
  readonly below: string;
}

/** The nodes from the top down, parents before children, without recursion. Indentation stops growing at `maxDepth`. */
export function* rows(roots: readonly SpanNode[], maxDepth: number = Number.POSITIVE_INFINITY): Generator<Row> {
  const stack = roots.map((node) => ({ node, branch: "", indent: "", depth: 0 })).reverse();
  for (let row = stack.pop(); row; row = stack.pop()) {
    const { node, branch, indent, depth } = row;
    const { children } = node;
    yield { node, branch, below: indent + (children.length > 0 ? "│  " : "   ") };
    for (let i = children.length - 1; i >= 0; i--) {
      const last = i === children.length - 1;
      stack.push({
        node: children[i]!,
        branch: indent + (last ? "└─ " : "├─ "),
        indent: depth < maxDepth ? indent + (last ? "   " : "│  ") : indent,
        depth: depth + 1,
      });
    }
  }
}

/** The answers of `Searchable` over the trees that `top` returns. */
export function searchable(top: () => readonly SpanNode[]): Searchable {
  const all = () => [...rows(top())].map(({ node }) => node);
  const find = (query: SpanQuery) => {
    const fits = matcher(query);
    return all().find((node) => fits(node.record));
  };
  const tree = () => [...rows(top())].map(({ node, branch }) => branch + outline(node.record)).join("\n");
  return {
    find,
    findAll(query) {
      const fits = matcher(query);
      return all().filter((node) => fits(node.record));
    },
    get(query) {
      const found = find(query);
      if (found) return found;
      const asked = typeof query === "string" ? JSON.stringify(query) : query instanceof RegExp ? query : "the query";
      throw assertionError(`no span fits ${asked} in\n\n${tree() || "(no spans)"}\n`, "get");
    },
    tree,
    expectTree(expected) {
      const actual = tree();
      const wanted = dedent(expected);
      if (actual === wanted) return;
      const message = `the tree is\n\n${actual || "(no spans)"}\n\nand should be\n\n${wanted}\n`;
      throw assertionError(message, "expectTree", actual, wanted);
    },
  };
}

function byStart(a: SpanNode, b: SpanNode): number {
  return compareNanos(a.record.startTime, b.record.startTime);
}

/** Decimal strings without leading zeros compare by length, then by digits. */
function compareNanos(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** What test runners take for an `assert.AssertionError`, without loading `node:assert` into every program. */
function assertionError(message: string, operator: string, actual?: string, expected?: string): Error {
  const details = {
    name: "AssertionError",
    code: "ERR_ASSERTION",
    generatedMessage: false,
    operator,
    actual,
    expected,
  };
  return Object.assign(new Error(message), details);
}
