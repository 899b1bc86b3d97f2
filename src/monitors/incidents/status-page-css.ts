/** The style of the status page. Colours keep a contrast of 4.5 to 1 and more in both schemes. No line begins with an at-rule: it reads as a decorator. */
export const STATUS_PAGE_CSS = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --line: #dde1e7; --text: #1a1f27; --soft: #5a6472;
  --good: #17703f; --warn: #8f5a00; --bad: #b3261e; --none: #cdd3db;
  --good-fill: #17703f; --warn-fill: #f0b429; --bad-fill: #b3261e; --on-good: #fff; --on-warn: #2b1d00; --on-bad: #fff;
} @media (prefers-color-scheme: dark) {
  :root {
    --page: #10141a; --card: #191f27; --line: #2c3541; --text: #e8ecf1; --soft: #9aa6b5;
    --good: #5fd08f; --warn: #f2c14e; --bad: #ff8a80; --none: #37414e;
    --good-fill: #1d7a47; --warn-fill: #e0a526; --bad-fill: #c4362d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .75rem; font-size: .95rem; color: var(--soft); font-weight: 600; }
h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
p { margin: 0; }
.banner { display: flex; align-items: center; gap: .75rem; padding: 1rem 1.25rem; border-radius: .6rem; font-size: 1.15rem; font-weight: 600; }
.banner.operational { background: var(--good-fill); color: var(--on-good); }
.banner.degraded { background: var(--warn-fill); color: var(--on-warn); }
.banner.major_outage { background: var(--bad-fill); color: var(--on-bad); }
.banner .mark { display: inline-grid; place-items: center; flex: none; width: 1.75rem; height: 1.75rem; border: 2px solid; border-radius: 50%; font-size: 1rem; line-height: 1; }
.components { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.components li { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; padding: .7rem 1.25rem; }
.components li + li { border-top: 1px solid var(--line); }
.components .name { overflow-wrap: anywhere; }
.state { flex: none; font-size: .9rem; font-weight: 600; }
.state .mark { margin-right: .4em; }
.state.operational { color: var(--good); }
.state.degraded { color: var(--warn); }
.state.major_outage { color: var(--bad); }
.days { display: flex; gap: 3px; height: 2.25rem; }
.day { flex: 1; min-width: 0; border-radius: 2px; background: var(--none); }
.day.operational { background: var(--good-fill); }
.day.degraded { background: linear-gradient(to top, var(--warn-fill) 60%, var(--none) 60%); }
.day.major_outage { background: var(--bad-fill); }
.legend { display: flex; justify-content: space-between; gap: .75rem; margin-top: .4rem; color: var(--soft); font-size: .85rem; text-align: center; }
article { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; }
article + article { margin-top: .75rem; }
article.degraded { border-left-color: var(--warn-fill); }
article.major_outage { border-left-color: var(--bad-fill); }
.of { font-weight: 400; color: var(--soft); }
.of::before { content: "· "; }
.meta { color: var(--soft); font-size: .9rem; }
.meta strong { color: var(--text); }
.legend span:not(:nth-child(2)), time { white-space: nowrap; }
.quiet { color: var(--soft); }
article p + p { margin-top: .4rem; overflow-wrap: anywhere; }
.updates { list-style: none; margin: .75rem 0 0; padding: .6rem 0 0; border-top: 1px solid var(--line); font-size: .9rem; }
.updates li { display: flex; gap: .9rem; padding: .15rem 0; }
.updates time { flex: none; color: var(--soft); font-variant-numeric: tabular-nums; }
.updates span { overflow-wrap: anywhere; min-width: 0; white-space: pre-line; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; } @media (max-width: 30rem) {
  main { padding: 1.5rem 1rem 2rem; }
  .banner { padding: .9rem 1rem; font-size: 1.05rem; }
  .days { gap: 2px; }
  .updates li { display: block; padding: .3rem 0; }
  .updates time { display: block; }
}
`;
