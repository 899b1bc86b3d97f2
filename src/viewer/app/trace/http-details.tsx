import type { HttpCall } from "../../../core/record.ts";
import { bytes, duration, integer, tokens } from "../format.ts";
import { Badge } from "../parts/chip.tsx";
import { KeyValue } from "../parts/key-value.tsx";
import { Group, Id } from "./group.tsx";

/** The request behind a call: its attempts, and what was left of the provider's limits. */
export function HttpDetails({ http }: { http: HttpCall }) {
  const { rateLimit, attempts, stream, polls } = http;
  return (
    <Group title="HTTP">
      <KeyValue
        facts={[
          ["Request", <span class="mono">{`${http.method} ${http.route}`}</span>],
          ["Host", http.host],
          ["Status", http.status],
          ["Request id", http.requestId && <Id id={http.requestId} />],
          ["At the provider", http.processingMs === undefined ? undefined : duration(http.processingMs * 1e6)],
          ["Sent", http.requestBytes === undefined ? undefined : bytes(http.requestBytes)],
          ["Received", http.responseBytes === undefined ? undefined : bytes(http.responseBytes)],
          [
            "Stream",
            stream && `${integer(stream.events)} events, ${stream.end}${stream.truncated ? ", truncated" : ""}`,
          ],
          ["Polls", polls && `${integer(polls.count)}, at most ${polls.maxPerSecond} a second`],
        ]}
      />
      {attempts && attempts.length > 1 && (
        <ol class="attempts">
          {attempts.map((attempt, i) => (
            <li key={i}>
              <span class="faint">{`Attempt ${i + 1}`}</span>
              <Badge tone={attempt.status !== undefined && attempt.status < 400 ? "ok" : "error"}>
                {attempt.status ?? attempt.error ?? "no answer"}
              </Badge>
              <span>{duration(attempt.durationMs * 1e6)}</span>
              {attempt.waitMs !== undefined && <span class="faint">{`after ${duration(attempt.waitMs * 1e6)}`}</span>}
            </li>
          ))}
        </ol>
      )}
      {rateLimit && (
        <div class="limits">
          <Limit
            name="Requests"
            left={rateLimit.remainingRequests}
            of={rateLimit.limitRequests}
            reset={rateLimit.resetRequestsMs}
          />
          <Limit
            name="Tokens"
            left={rateLimit.remainingTokens}
            of={rateLimit.limitTokens}
            reset={rateLimit.resetTokensMs}
          />
        </div>
      )}
    </Group>
  );
}

interface LimitProps {
  name: string;
  left: number | undefined;
  of: number | undefined;
  reset: number | undefined;
}

function Limit({ name, left, of, reset }: LimitProps) {
  if (left === undefined || of === undefined || of <= 0) return null;
  const share = Math.min(1, Math.max(0, left / of));
  return (
    <div class="limit">
      <span class="faint">{`${name} left`}</span>
      <div class={share < 0.1 ? "meter low" : "meter"}>
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <span class="num">{`${tokens(left)} of ${tokens(of)}${reset === undefined ? "" : `, full in ${duration(reset * 1e6)}`}`}</span>
    </div>
  );
}
