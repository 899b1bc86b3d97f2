/**
 * Slack messages as JSON Schema. Blocks and their limits: https://docs.slack.dev/reference/block-kit/blocks (header-block,
 * section-block, context-block) and .../composition-objects/text-object; methods: https://docs.slack.dev/reference/methods
 * (chat.postMessage, chat.update); escapes: https://docs.slack.dev/messaging/formatting-message-text.
 */

/** Without `&`, `<`, `>` of its own: only entities and links of the form `<https://…|…>`. */
const ESCAPED = "^(?:[^&<>]|&amp;|&lt;|&gt;)*$";
const WITH_LINKS = "^(?:[^&<>]|&amp;|&lt;|&gt;|<https?://(?:[^&<>|\\s]|&amp;)+\\|(?:[^&<>|]|&amp;|&lt;|&gt;)+>)*$";

const mrkdwn = (maxLength: number, pattern = ESCAPED) => ({
  type: "object",
  additionalProperties: false,
  required: ["type", "text"],
  properties: { type: { const: "mrkdwn" }, text: { type: "string", minLength: 1, maxLength, pattern } },
});

const blocks = {
  type: "array",
  minItems: 1,
  maxItems: 50,
  items: {
    oneOf: [
      {
        type: "object",
        additionalProperties: false,
        required: ["type", "text"],
        properties: {
          type: { const: "header" },
          text: {
            type: "object",
            additionalProperties: false,
            required: ["type", "text"],
            properties: {
              type: { const: "plain_text" },
              text: { type: "string", minLength: 1, maxLength: 150 },
              emoji: { type: "boolean" },
            },
          },
        },
      },
      {
        type: "object",
        additionalProperties: false,
        required: ["type"],
        anyOf: [{ required: ["text"] }, { required: ["fields"] }],
        properties: {
          type: { const: "section" },
          text: mrkdwn(3000),
          fields: { type: "array", minItems: 1, maxItems: 10, items: mrkdwn(2000) },
        },
      },
      {
        type: "object",
        additionalProperties: false,
        required: ["type", "elements"],
        properties: {
          type: { const: "context" },
          elements: { type: "array", minItems: 1, maxItems: 10, items: mrkdwn(3000, WITH_LINKS) },
        },
      },
    ],
  },
};

const text = { type: "string", minLength: 1, maxLength: 40_000, pattern: ESCAPED };

/** Of an incoming webhook. */
export const slackMessageSchema: object = {
  type: "object",
  additionalProperties: false,
  required: ["text", "blocks"],
  properties: { text, blocks },
};

export const slackPostSchema: object = {
  type: "object",
  additionalProperties: false,
  required: ["channel", "text", "blocks"],
  properties: {
    channel: { type: "string", minLength: 1 },
    thread_ts: { type: "string", pattern: "^\\d+\\.\\d+$" },
    unfurl_links: { type: "boolean" },
    unfurl_media: { type: "boolean" },
    text,
    blocks,
  },
};

export const slackUpdateSchema: object = {
  type: "object",
  additionalProperties: false,
  required: ["channel", "ts", "text", "blocks"],
  // The id: names are not taken here.
  properties: {
    channel: { type: "string", pattern: "^[CGD][A-Z0-9]+$" },
    ts: { type: "string", pattern: "^\\d+\\.\\d+$" },
    text,
    blocks,
  },
};

/** What a message with blocks may have in all, in practice: slackapi/bolt-js#2509. */
export const SLACK_MAX_CHARACTERS = 13_000;
