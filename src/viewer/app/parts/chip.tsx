import type { ComponentChildren } from "preact";

interface ChipProps {
  /** What kind of fact it is: `user`. */
  label?: string;
  children: ComponentChildren;
  href?: string;
  onClick?: () => void;
  title?: string;
}

/** A fact in a pill; a link or a button where it leads somewhere. */
export function Chip({ label, children, href, onClick, title }: ChipProps) {
  const inside = (
    <>
      {label && <span class="chip-label">{label}</span>}
      <span class="chip-value">{children}</span>
    </>
  );
  if (href) {
    return (
      <a class="chip" href={href} data-tip={title}>
        {inside}
      </a>
    );
  }
  if (onClick) {
    return (
      <button type="button" class="chip" onClick={onClick} data-tip={title}>
        {inside}
      </button>
    );
  }
  return (
    <span class="chip" data-tip={title}>
      {inside}
    </span>
  );
}

export type Tone = "plain" | "ok" | "error" | "warning" | "accent";

/** A state or a small count. */
export function Badge({
  tone = "plain",
  children,
  title,
}: {
  tone?: Tone;
  children: ComponentChildren;
  title?: string;
}) {
  return (
    <span class={tone === "plain" ? "badge" : `badge ${tone}`} data-tip={title}>
      {children}
    </span>
  );
}

/** `ok`, `error` or `open` of a trace or span. */
export function StatusBadge({ status }: { status: "ok" | "error" | "open" | "unset" }) {
  const tone: Tone = status === "error" ? "error" : status === "open" ? "accent" : status === "ok" ? "ok" : "plain";
  return <Badge tone={tone}>{status === "open" ? "running" : status}</Badge>;
}

/** The square that says what type a span has. */
export function TypeDot({ type }: { type: string }) {
  return <span class={`dot square type-${type}`} aria-hidden="true" />;
}
