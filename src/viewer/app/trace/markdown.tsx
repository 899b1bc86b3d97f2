import type { ComponentChildren } from "preact";
import { type Block, type Inline, isWebAddress, parseMarkdown } from "./markdown.ts";

/** Longer texts are shown as they are: laying them out would hold up the page. */
export const LONGEST_MARKDOWN = 150_000;

/**
 * A text as markdown, put together out of elements of ours: nothing in it is ever read as HTML, images are told of and
 * not loaded, links lead to http and https only.
 */
export function Markdown({ text }: { text: string }) {
  return <div class="markdown">{parseMarkdown(text.slice(0, LONGEST_MARKDOWN)).map(blockOf)}</div>;
}

function blockOf(block: Block): ComponentChildren {
  switch (block.kind) {
    case "heading":
      return <p class={`markdown-heading level-${Math.min(4, block.level)}`}>{block.inside.map(inlineOf)}</p>;
    case "paragraph":
      return <p class="text">{block.inside.map(inlineOf)}</p>;
    case "code":
      return (
        <pre>
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote>{block.blocks.map(blockOf)}</blockquote>;
    case "list": {
      const items = block.items.map((item) => <li>{item.map(blockOf)}</li>);
      return block.start === undefined ? <ul>{items}</ul> : <ol start={block.start}>{items}</ol>;
    }
    case "table": {
      const [head = [], ...rows] = block.rows;
      return (
        <table>
          <thead>
            <tr>
              {head.map((cell) => (
                <th>{cell.map(inlineOf)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr>
                {row.map((cell) => (
                  <td>{cell.map(inlineOf)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    }
    case "rule":
      return <hr />;
  }
}

function inlineOf(part: Inline): ComponentChildren {
  if (typeof part === "string") return part;
  switch (part.kind) {
    case "strong":
      return <strong>{part.inside.map(inlineOf)}</strong>;
    case "emphasis":
      return <em>{part.inside.map(inlineOf)}</em>;
    case "deleted":
      return <del>{part.inside.map(inlineOf)}</del>;
    case "code":
      return <code>{part.text}</code>;
    case "image":
      return <span class="media" data-tip={part.href}>{`image: ${part.text || part.href.slice(0, 60)}`}</span>;
    case "link":
      return isWebAddress(part.href) ? (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow" data-tip={part.href}>
          {part.inside.map(inlineOf)}
        </a>
      ) : (
        <span>{part.inside.map(inlineOf)}</span>
      );
  }
}
