import { signal } from "@preact/signals";
import { exactTime, relativeTime } from "../format.ts";

const nowUs = signal(Date.now() * 1000);
setInterval(() => {
  if (!document.hidden) nowUs.value = Date.now() * 1000;
}, 10_000);

/** How long ago; exactly when it is pointed at. */
export function Time({ us }: { us: number }) {
  const now = Math.max(nowUs.value, us);
  return (
    <time dateTime={new Date(us / 1000).toISOString()} data-tip={exactTime(us)}>
      {relativeTime(us, now)}
    </time>
  );
}
