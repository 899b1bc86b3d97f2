import { WHOLE } from "./scale.ts";
import type { TraceModel, View } from "./trace-model.ts";

/** What the keys do, as the help tells it. */
export const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["j", "k"], "Next and previous span (also ↓ ↑)"],
  [["h", "l"], "Collapse, then go to the parent; expand, then go in (also ← →)"],
  [["Enter"], "Open the details of the first span, or leave for them"],
  [["e", "E"], "Next and previous error"],
  [["/"], "Search in this trace; Enter for the next match"],
  [["n", "N"], "Next and previous match"],
  [["f"], "Waterfall, flame graph by time, flame graph by cost"],
  [["c"], "Show the critical path"],
  [["g"], "Draw idle times short"],
  [["[", "]"], "Collapse all, expand all"],
  [["1", "…", "9"], "Expand to that depth"],
  [["z", "0"], "Zoom to the span; show everything"],
  [["+", "-"], "Zoom in and out"],
  [["p"], "Pin the span, to compare it with another"],
  [["?"], "This help"],
  [["Esc"], "Close what is open"],
];

const VIEWS: readonly View[] = ["waterfall", "flame-time", "flame-cost"];

export interface PageActions {
  focusSearch(): void;
  toggleHelp(): void;
  focusPanel(): void;
}

/** Does what the key says; false when it says nothing. Keys that belong to a field or a shortcut of the browser are not asked. */
export function onKey(event: KeyboardEvent, model: TraceModel, page: PageActions): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const at = model.selected.peek();
  const { end, parent, rows } = model.tree.peek();
  const isBranch = at >= 0 && end[at]! > at + 1;
  const isCollapsed = at >= 0 && model.collapsed.peek().has(rows[at]!.spanId);
  switch (event.key) {
    case "j":
    case "ArrowDown":
      model.move(1);
      return true;
    case "k":
    case "ArrowUp":
      model.move(-1);
      return true;
    case "PageDown":
      model.move(20);
      return true;
    case "PageUp":
      model.move(-20);
      return true;
    case "Home":
      model.move(Number.NEGATIVE_INFINITY);
      return true;
    case "End":
      model.move(Number.POSITIVE_INFINITY);
      return true;
    case "h":
    case "ArrowLeft":
      if (isBranch && !isCollapsed) model.toggle(at, true);
      else if (at >= 0 && parent[at]! >= 0) model.select(parent[at]!);
      return true;
    case "l":
    case "ArrowRight":
      if (isBranch && isCollapsed) model.toggle(at, false);
      else if (isBranch) model.select(at + 1);
      return true;
    case "Enter":
      if (at < 0) model.move(0);
      else page.focusPanel();
      return true;
    case "e":
      model.nextError(1);
      return true;
    case "E":
      model.nextError(-1);
      return true;
    case "n":
      model.nextMatch(1);
      return true;
    case "N":
      model.nextMatch(-1);
      return true;
    case "/":
      page.focusSearch();
      return true;
    case "f":
      model.view.value = VIEWS[(VIEWS.indexOf(model.view.peek()) + 1) % VIEWS.length]!;
      return true;
    case "c":
      model.showsCritical.value = !model.showsCritical.peek();
      return true;
    case "g":
      model.isCompressed.value = !model.isCompressed.peek();
      return true;
    case "[":
      model.collapseTo(0);
      return true;
    case "]":
      model.collapseTo(Number.POSITIVE_INFINITY);
      return true;
    case "z":
      if (at >= 0) model.zoomToSpan(at);
      return true;
    case "0":
      model.window.value = WHOLE;
      return true;
    case "+":
    case "=":
      model.zoom(0.6);
      return true;
    case "-":
      model.zoom(1 / 0.6);
      return true;
    case "p":
      if (at >= 0) model.pinnedId.value = model.pinnedId.peek() === rows[at]!.spanId ? undefined : rows[at]!.spanId;
      return true;
    case "?":
      page.toggleHelp();
      return true;
    case "Escape":
      if (model.pinnedId.peek() !== undefined) model.pinnedId.value = undefined;
      else if (model.query.peek() !== "") model.query.value = "";
      else if (at >= 0) model.deselect();
      return true;
  }
  if (/^[1-9]$/.test(event.key)) {
    model.collapseTo(Number(event.key));
    return true;
  }
  return false;
}
