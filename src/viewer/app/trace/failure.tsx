import type { SpanRecord } from "../../../core/record.ts";
import { Badge } from "../parts/chip.tsx";
import { Icon } from "../parts/icon.tsx";

interface FailureProps {
  /** Once it is there. */
  record: SpanRecord | undefined;
  message: string | undefined;
  type: string | undefined;
}

/** What went wrong, and where in the program. */
export function Failure({ record, message, type }: FailureProps) {
  const error = record?.error;
  return (
    <section class="failure" aria-label="Error">
      <div class="row wrap">
        <Icon name="error" />
        <strong class="mono">{error?.type ?? type ?? "Error"}</strong>
        {error?.status !== undefined && <Badge tone="error">{error.status}</Badge>}
        {error?.code !== undefined && <span class="mono faint">{error.code}</span>}
      </div>
      <p class="text">{error?.message ?? record?.status.message ?? message}</p>
      {error?.causes?.map((cause) => (
        <p
          class="text muted"
          key={cause.type}
        >{`caused by ${cause.type}${cause.message ? `: ${cause.message}` : ""}`}</p>
      ))}
      {error?.stack && (
        <details>
          <summary>Stack</summary>
          <pre class="stack">{error.stack}</pre>
        </details>
      )}
    </section>
  );
}
