import { useMemo } from "preact/hooks";
import { duration, percent, plural, usd } from "../format.ts";
import { Empty } from "../parts/states.tsx";
import { flameLayout, whyNoCost } from "./flame.ts";
import type { TraceModel } from "./trace-model.ts";

const ROW = 24;

/** Where the time or the money went: frames as wide as what they took, with all that is below them. */
export function Flame({ model, by }: { model: TraceModel; by: "time" | "cost" }) {
  const tree = model.tree.value;
  const sums = model.sums.value;
  const { frames, total, depth } = useMemo(() => flameLayout(tree, sums, by), [tree, sums, by]);
  const told = (value: number) => (by === "time" ? duration(value) : usd(value));
  if (frames.length === 0) {
    return (
      <Empty icon="flame" title={by === "cost" ? "Nothing here has a cost" : "Nothing here took time"}>
        {by === "cost" ? whyNoCost(tree.rows) : undefined}
      </Empty>
    );
  }
  return (
    <div class="flame">
      <p class="flame-note">
        {by === "time"
          ? `${told(total)} of work: self times added up, what ran at once counts for each. Frames of one name are merged.`
          : `${told(total)} in all. Frames of one name are merged.`}
      </p>
      <div class="flame-frames" style={{ height: `${depth * ROW}px` }} role="list" aria-label="Flame graph">
        {frames.map((frame) => {
          const text = `${frame.name || "(no name)"}\n${told(frame.value)}, ${percent(frame.width)}; own ${told(frame.own)}\n${plural(frame.spans, "span")}${frame.errors > 0 ? `, ${plural(frame.errors, "error")}` : ""}`;
          const isNamed = frame.width > 0.03;
          return (
            <div
              class="flame-cell"
              role="listitem"
              key={`${frame.depth} ${frame.from}`}
              style={{ left: `${frame.from * 100}%`, width: `${frame.width * 100}%`, top: `${frame.depth * ROW}px` }}
            >
              <button
                type="button"
                class={`flame-frame type-${frame.type}${frame.errors > 0 ? " failed" : ""}`}
                aria-label={isNamed ? undefined : text}
                data-tip={text}
                onClick={() => model.select(frame.index)}
              >
                {isNamed && (
                  <>
                    <span class="ellipsis grow">{frame.name || "(no name)"}</span>
                    <span class={frame.width > 0.1 ? "flame-value" : "visually-hidden"}>{told(frame.value)}</span>
                    {frame.errors > 0 && <span class="visually-hidden">{plural(frame.errors, "error")}</span>}
                  </>
                )}
              </button>
            </div>
          );
        })}
      </div>
    </div>
  );
}
