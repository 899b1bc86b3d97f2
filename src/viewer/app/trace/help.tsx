import type { RefObject } from "preact";
import { Button } from "../parts/button.tsx";
import { KEYS } from "./keys.ts";

/** What the keys do. */
export function Help({ handle }: { handle: RefObject<HTMLDialogElement> }) {
  const close = () => handle.current?.close();
  return (
    <dialog
      class="dialog help"
      ref={handle}
      aria-labelledby="help-title"
      onClick={(event) => event.target === handle.current && close()}
      onKeyDown={(event) => event.key === "?" && close()}
    >
      <header class="row">
        <h2 class="grow" id="help-title">
          Keys
        </h2>
        <Button icon="close" look="quiet" label="Close" onClick={close} />
      </header>
      <dl class="help-keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd class="kbd" key={key}>
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="faint small">
        Drag across the map to zoom, double-click it for all. Ctrl and the wheel zoom at the pointer; Alt and a click on
        an arrow folds the whole level. Double-click a span to zoom to it.
      </p>
    </dialog>
  );
}
