/**
 * Text from anywhere as one line of markdown that shows it as it is: no links, no HTML, no table cells of its own. What has
 * a meaning at the beginning of a line only is escaped there.
 */
export function escapeMarkdown(text: string): string {
  return (
    oneLine(text)
      .replace(/[\\`*[\]<>|~#&]/g, "\\$&")
      // Between letters it means nothing: `error_rate` stays readable.
      .replace(/(?<![a-z0-9])_|_(?![a-z0-9])/gi, "\\_")
      .replace(/:\/\//g, "\\://")
      .replace(/^([-+=]|\d+(?=[.)]))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`))
  );
}

/** A link, or only its text where the address is not one of the web. */
export function markdownLink(text: string, href: string | undefined): string {
  if (href === undefined || !/^https?:\/\//.test(href)) return escapeMarkdown(text);
  return `[${escapeMarkdown(text)}](<${oneLine(href).replace(/[<>\\|\s]/g, encodeURIComponent)}>)`;
}

/** Without line breaks, other controls and marks that turn the direction of text. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}
