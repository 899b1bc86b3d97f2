import { useSignal } from "@preact/signals";
import type { IncidentAction } from "../../../collector/api.ts";
import type { Incident } from "../../../monitors/index.ts";
import { api } from "../api.ts";
import { Button } from "../parts/index.ts";
import { rememberWho, who } from "./who.ts";

/** An action but for who does it. */
type WithoutWho<T> = T extends { readonly by: string } ? Omit<T, "by"> : never;
export type Asked = WithoutWho<IncidentAction>;

interface Work {
  /** Does it, once it is known who does; resolves when it is done or has failed. */
  act(asked: Asked): Promise<void>;
  readonly isBusy: boolean;
  readonly problem: string | undefined;
  /** What waits for a name. */
  readonly waiting: Asked | undefined;
  answer(name: string): void;
  cancel(): void;
}

export function useWork(id: string, onDone: (incident: Incident) => void): Work {
  const isBusy = useSignal(false);
  const problem = useSignal<string | undefined>(undefined);
  const waiting = useSignal<Asked | undefined>(undefined);
  const send = async (asked: Asked): Promise<void> => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      onDone(await api.act(id, { ...asked, by: who.peek() } as IncidentAction));
    } catch (error) {
      problem.value = (error as Error).message;
    } finally {
      isBusy.value = false;
    }
  };
  return {
    async act(asked) {
      if (who.peek() === "") waiting.value = asked;
      else await send(asked);
    },
    get isBusy() {
      return isBusy.value;
    },
    get problem() {
      return problem.value;
    },
    get waiting() {
      return waiting.value;
    },
    answer(name) {
      const asked = waiting.peek();
      rememberWho(name);
      waiting.value = undefined;
      if (asked) void send(asked);
    },
    cancel() {
      waiting.value = undefined;
    },
  };
}

/** What can be done with an incident that is open; a note also with one that is not. */
export function Actions({ incident, work }: { incident: Incident; work: Work }) {
  const note = useSignal("");
  const { status } = incident;
  const text = note.value.trim();
  const done = (asked: Asked) => {
    void work.act(asked);
    note.value = "";
  };
  const withNote = text === "" ? {} : { note: text };
  if (work.waiting !== undefined) return <WhoForm work={work} />;
  return (
    <section class="card actions-card" aria-label="What to do">
      <textarea
        class="field"
        rows={2}
        aria-label="A note for the timeline"
        placeholder={status === "resolved" ? "Add a note" : "A note: what you see, what you try"}
        maxLength={2_000}
        value={note.value}
        onInput={(event) => {
          note.value = event.currentTarget.value;
        }}
      />
      <div class="row wrap">
        {status === "detected" && (
          <Button
            look="primary"
            icon="check"
            disabled={work.isBusy}
            onClick={() => void work.act({ action: "acknowledge" })}
          >
            Acknowledge
          </Button>
        )}
        {(status === "detected" || status === "acknowledged") && (
          <Button disabled={work.isBusy} onClick={() => done({ action: "mitigate", ...withNote })}>
            Begin to mitigate
          </Button>
        )}
        <Button disabled={work.isBusy || text === ""} onClick={() => done({ action: "note", note: text })}>
          Add note
        </Button>
        {status !== "resolved" && (
          <Button disabled={work.isBusy} onClick={() => done({ action: "resolve", ...withNote })}>
            Resolve
          </Button>
        )}
        <span class="grow" />
        {who.value !== "" && (
          <span class="faint who">
            as {who.value}{" "}
            <button type="button" class="cell-value" onClick={() => rememberWho("")}>
              change
            </button>
          </span>
        )}
      </div>
      {work.problem && (
        <p class="form-problem" role="alert">
          {work.problem}
        </p>
      )}
    </section>
  );
}

function WhoForm({ work }: { work: Work }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name")).trim();
    if (name !== "") work.answer(name);
  };
  return (
    <form class="card actions-card" onSubmit={submit}>
      <label>
        Who are you? It stands in the timeline, and is remembered in this browser.
        <input
          class="field"
          name="name"
          required
          maxLength={80}
          autocomplete="username"
          ref={(input) => input?.focus()}
        />
      </label>
      <div class="row">
        <button type="submit" class="button primary">
          Go on
        </button>
        <Button look="quiet" onClick={() => work.cancel()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
