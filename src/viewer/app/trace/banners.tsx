import { useSignal } from "@preact/signals";
import { percent, plural } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import type { TraceModel } from "./trace-model.ts";

/** From this share of idle time on, to draw it short is offered. */
const MUCH_IDLE = 0.5;

/** What is to be known before one trusts what is drawn: what is missing, and how much of it is idle. */
export function Banners({ model }: { model: TraceModel }) {
  const isOffered = useSignal(true);
  const orphans = model.tree.value.orphans.length;
  const error = model.error.value;
  const { isDone } = model.loading.value;
  const { isRootMissing } = model.answer.value!.summary;
  const offersGaps =
    isOffered.value &&
    isDone &&
    !model.isCompressed.value &&
    model.idle.value > MUCH_IDLE &&
    model.view.value === "waterfall";
  return (
    <>
      {error && (
        <div class="banner error" role="alert">
          <span class="grow">{`Not all spans are shown: ${error.message}`}</span>
          <Button onClick={model.reload}>Try again</Button>
        </div>
      )}
      {isDone && orphans > 0 && (
        <div class="banner">
          <Icon name="info" size={14} />
          <span class="grow">
            {isRootMissing
              ? `The root of this trace has not been received. ${plural(orphans, "span")} stand at the top without their parent.`
              : `${plural(orphans, "span")} without the parent that they name: it was not received or belongs to another service.`}
          </span>
        </div>
      )}
      {offersGaps && (
        <div class="banner">
          <Icon name="gap" size={14} />
          <span class="grow">{`${percent(model.idle.value)} of this trace is idle.`}</span>
          <Button onClick={() => (model.isCompressed.value = true)}>Draw idle times short</Button>
          <Button icon="close" look="quiet" label="No" onClick={() => (isOffered.value = false)} />
        </div>
      )}
    </>
  );
}
