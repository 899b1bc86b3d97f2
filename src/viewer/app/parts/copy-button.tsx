import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Button } from "./button.tsx";

interface Props {
  /** What goes to the clipboard; worked out when it is asked for. */
  text: string | (() => string | Promise<string>);
  label: string;
  children?: ComponentChildren;
  look?: "plain" | "quiet";
}

/** Copies, and says for a moment that it has. */
export function CopyButton({ text, label, children, look = "quiet" }: Props) {
  const done = useSignal(false);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : await text());
    done.value = true;
    setTimeout(() => (done.value = false), 1_500);
  };
  return (
    <Button icon={done.value ? "check" : "copy"} label={done.value ? "Copied" : label} look={look} onClick={copy}>
      {children}
    </Button>
  );
}

/** The clipboard's own interface is there only on https and loopback; elsewhere the old way. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
