import type { ComponentChildren } from "preact";
import { CopyButton } from "../parts/copy-button.tsx";

/** Facts that belong together. */
export function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="group">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** One that is copied rather than read. */
export function Id({ id }: { id: string }) {
  return (
    <span class="id">
      <span class="mono ellipsis">{id}</span>
      <CopyButton text={id} label="Copy" />
    </span>
  );
}
