import { effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { About, Reading } from "../../../collector/api.ts";
import { api, project } from "../api.ts";
import { bytes, compact, percent } from "../format.ts";
import { onTail } from "../live.ts";
import { href, navigate, route } from "../router.ts";
import { theme, toggleTheme } from "../theme.ts";
import { Button } from "./button.tsx";
import { TooltipLayer } from "./tooltip.tsx";

const PAGES = [
  ["traces", "Traces"],
  ["sessions", "Sessions"],
  ["dashboards", "Dashboards"],
  ["compare", "Compare"],
  ["incidents", "Incidents"],
] as const;

const known: Signal<About | undefined> = signal(undefined);
const progress: Signal<Reading | undefined> = signal(undefined);

/** What the server says about itself; undefined until it has. */
export const about: ReadonlySignal<About | undefined> = known;
/** How far the files are read that are looked at directly; undefined when none are. */
export const reading: ReadonlySignal<Reading | undefined> = progress;

/** The frame around every page: where one is, where one can go, how much has been read, which colours. */
export function Shell({ children }: { children: ComponentChildren }) {
  useEffect(() => {
    // Asked again with each project: figures are of one.
    const stop = effect(() => {
      void project.value;
      api.about().then(
        (answer) => {
          known.value = answer;
          if (answer.reading) progress.value = answer.reading;
        },
        () => {}, // The page says what is wrong.
      );
    });
    const end = onTail((event) => {
      if (event.event === "reading") progress.value = event.reading;
    });
    return () => {
      stop();
      end();
    };
  }, []);
  const { page } = route.value;
  const current = page === "trace" ? "traces" : page;
  useEffect(() => {
    const link = document.querySelector('.shell-nav [aria-current="page"]');
    link?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <div class="shell">
      <header class="shell-bar">
        <button type="button" class="skip-link" onClick={skip}>
          Skip to content
        </button>
        <a class="shell-brand" href={href("/traces")} aria-label="Sightline: all traces">
          <Logo />
          <span>Sightline</span>
        </a>
        <nav class="shell-nav" aria-label="Pages">
          {PAGES.map(([id, label]) => (
            <a key={id} href={href(`/${id}`)} aria-current={current === id ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <div class="shell-side">
          <ReadingNote />
          <Store />
          <ThemeButton />
        </div>
      </header>
      <main class="shell-main" id="main" tabIndex={-1}>
        <ReadingBar />
        {children}
      </main>
      <TooltipLayer />
    </div>
  );
}

/** No link: the hash belongs to the router. */
function skip(): void {
  document.getElementById("main")!.focus();
}

function Store() {
  const { store, projects } = known.value ?? {};
  if (!store) return null;
  return (
    <>
      {projects && projects.length > 1 && (
        <select
          class="field shell-project"
          aria-label="Project"
          value={project.value ?? projects[0]}
          onChange={(event) => {
            project.value = event.currentTarget.value;
            navigate("/traces");
          }}
        >
          {projects.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
      <span class="shell-store ellipsis" data-tip={store}>
        {store}
      </span>
    </>
  );
}

function ReadingNote() {
  const now = progress.value;
  if (!now || (now.isDone && !now.problem && now.damaged === 0)) return null;
  if (now.problem)
    return (
      <span class="badge error" data-tip={now.problem}>
        reading stopped
      </span>
    );
  if (now.isDone) {
    return (
      <span
        class="badge warning"
        data-tip={`Lines of ${now.source} that hold no record`}
      >{`${compact(now.damaged)} damaged lines`}</span>
    );
  }
  return (
    <span class="shell-note" role="status" data-tip={`${now.source}: ${bytes(now.bytes)} of ${bytes(now.totalBytes)}`}>
      {`Reading ${percent(now.totalBytes > 0 ? now.bytes / now.totalBytes : 0)} · ${compact(now.records)} records`}
    </span>
  );
}

function ReadingBar() {
  const now = progress.value;
  if (!now || now.isDone) return null;
  const share = now.totalBytes > 0 ? Math.min(1, now.bytes / now.totalBytes) : 0;
  return (
    <div
      class="shell-reading"
      role="progressbar"
      aria-label={`Reading ${now.source}`}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}

function ThemeButton() {
  const icon = theme.value === "system" ? "contrast" : theme.value === "light" ? "sun" : "moon";
  return <Button icon={icon} look="quiet" label={`Colours: ${theme.value}`} onClick={toggleTheme} />;
}

/** Nested spans. */
function Logo() {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" fill="currentColor" aria-hidden="true">
      <rect x="1" y="2" width="16" height="3.6" rx="1.2" />
      <rect x="4" y="7.2" width="9" height="3.6" rx="1.2" opacity=".7" />
      <rect x="8" y="12.4" width="7" height="3.6" rx="1.2" opacity=".45" />
    </svg>
  );
}
