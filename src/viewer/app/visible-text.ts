import { options } from "preact";

/**
 * What has no shape of its own, and turns, joins or hides what is beside it: controls of the writing direction, zero-width
 * characters, tags. The joiners of scripts and emoji (U+200C, U+200D) stay: without them words are misspelt.
 */
const HIDDEN = /[\u{61C}\u{200B}\u{200E}\u{200F}\u{202A}-\u{202E}\u{2060}-\u{206F}\u{FEFF}\u{E0000}-\u{E007F}]/gu;

/** The text with a mark in place of each of them: `⟨U+202E⟩`. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (hidden) => {
    return `⟨U+${hidden.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Every text that is put on the page from now on shows them, wherever it comes from; what is copied or typed stays as it is. */
export function showHidden(): void {
  const before = options.vnode;
  options.vnode = (vnode) => {
    // Preact makes a node without a type of each text that is shown; its properties are the text.
    const node = vnode as { type: unknown; props: unknown };
    if (node.type === null && typeof node.props === "string") node.props = visibleText(node.props);
    before?.(vnode);
  };
}
