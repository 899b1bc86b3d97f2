import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface Props {
  children?: ComponentChildren;
  /** Before the text; alone it makes a square button, which needs a `label`. */
  icon?: IconName;
  /** What it does, for those who do not see it; shown as tooltip. */
  label?: string | undefined;
  /** `quiet`: without a frame until it is pointed at. */
  look?: "plain" | "quiet" | "primary" | "danger";
  /** For what is switched on and off. */
  pressed?: boolean;
  disabled?: boolean;
  /** Makes it a link. */
  href?: string;
  onClick?: (event: JSX.TargetedMouseEvent<HTMLElement>) => void;
  class?: string;
}

export function Button({
  children,
  icon,
  label,
  look = "plain",
  pressed,
  disabled,
  href,
  onClick,
  class: more,
}: Props) {
  const isIcon = icon !== undefined && children === undefined;
  const common = {
    class: ["button", look !== "plain" && look, isIcon && "icon", more].filter(Boolean).join(" "),
    // With a text of its own the button is called by that; the label says more of it.
    "aria-label": isIcon ? label : undefined,
    "data-tip": label,
  };
  const inside = (
    <>
      {icon && <Icon name={icon} />}
      {children}
    </>
  );
  if (href !== undefined) {
    return (
      <a {...common} href={href} onClick={onClick}>
        {inside}
      </a>
    );
  }
  return (
    <button type="button" {...common} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      {inside}
    </button>
  );
}
