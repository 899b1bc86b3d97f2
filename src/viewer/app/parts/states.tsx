import type { ComponentChildren } from "preact";
import { ApiFailure } from "../api.ts";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";

interface EmptyProps {
  title: string;
  icon?: IconName;
  /** Why there is nothing, and what to do about it. */
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

export function Empty({ title, icon = "list", children, actions }: EmptyProps) {
  return (
    <div class="state">
      <div class="state-icon">
        <Icon name={icon} size={20} />
      </div>
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div class="actions">{actions}</div>}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div class="state" role="status">
      <div class="spinner" />
      <span class="faint">{what}…</span>
    </div>
  );
}

/** What went wrong, and the way out. */
export function ErrorState({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const { title, hint } = told(error);
  return (
    <div class="state error" role="alert">
      <div class="state-icon">
        <Icon name="error" size={20} />
      </div>
      <h2>{title}</h2>
      <p>{error.message}</p>
      {hint && <p class="faint">{hint}</p>}
      {onRetry && (
        <div class="actions">
          <Button icon="refresh" onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

function told(error: Error): { title: string; hint?: string } {
  if (!(error instanceof ApiFailure)) return { title: "Something went wrong" };
  if (error.status === 0) return { title: "The server cannot be reached" };
  if (error.status === 401 || error.status === 403) {
    return {
      title: "The server wants a token",
      hint: "Open the address that it printed when it was started: it ends in #token=…",
    };
  }
  if (error.status === 400) return { title: "The address is not valid" };
  if (error.status === 404) return { title: "Not found" };
  if (error.status === 429) return { title: "Too many requests at the moment" };
  return { title: "The server could not answer" };
}
