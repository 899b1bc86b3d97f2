/**
 * Jira as JSON Schema. The part of the Atlassian Document Format that we use, after its published schema
 * (http://go.atlassian.com/adf-json-schema; npm @atlaskit/adf-schema, json-schema/v1/full.json: `doc_node`, `paragraph_node`,
 * `bulletList_node`, `listItem_node`, `text_node`, `link_mark`, `strong_mark`, `em_mark`), and "Create issue", "Add comment"
 * and "Search for issues using JQL enhanced search" of https://developer.atlassian.com/cloud/jira/platform/rest/v3.
 */
const mark = (type: string, attrs?: object) => ({
  type: "object",
  additionalProperties: false,
  required: ["type", ...(attrs ? ["attrs"] : [])],
  properties: { type: { const: type }, ...(attrs && { attrs }) },
});

const linkAttrs = {
  type: "object",
  additionalProperties: false,
  required: ["href"],
  properties: { href: { type: "string", pattern: "^https?://" } },
};

const node = (type: string, items: object, minItems = 0) => ({
  type: "object",
  additionalProperties: false,
  required: ["type", "content"],
  properties: { type: { const: type }, content: { type: "array", items, minItems } },
});

const textNode = {
  type: "object",
  additionalProperties: false,
  required: ["type", "text"],
  properties: {
    type: { const: "text" },
    text: { type: "string", minLength: 1 },
    marks: { type: "array", items: { anyOf: [mark("link", linkAttrs), mark("strong"), mark("em")] } },
  },
};

const paragraph = node("paragraph", textNode);

const adf = {
  type: "object",
  additionalProperties: false,
  required: ["version", "type", "content"],
  properties: {
    version: { const: 1 },
    type: { const: "doc" },
    content: { type: "array", items: { anyOf: [paragraph, node("bulletList", node("listItem", paragraph, 1), 1)] } },
  },
};

/** Version 2 takes text in its place, of up to 32,767 characters (`jira.text.field.character.limit`). */
const plain = { type: "string", minLength: 1, maxLength: 32_767 };

export const jiraIssueSchema = (apiVersion: 2 | 3): object => ({
  type: "object",
  additionalProperties: false,
  required: ["fields"],
  properties: {
    fields: {
      type: "object",
      additionalProperties: false,
      required: ["project", "issuetype", "summary"],
      properties: {
        project: {
          type: "object",
          additionalProperties: false,
          required: ["key"],
          properties: { key: { type: "string", pattern: "^[A-Z][A-Z0-9_]*$" } },
        },
        issuetype: {
          type: "object",
          additionalProperties: false,
          required: ["name"],
          properties: { name: { type: "string", minLength: 1 } },
        },
        // One line.
        summary: { type: "string", minLength: 1, maxLength: 255, pattern: "^[^\\r\\n]*$" },
        description: apiVersion === 3 ? adf : plain,
        labels: { type: "array", items: { type: "string", minLength: 1, maxLength: 255, pattern: "^\\S+$" } },
      },
    },
  },
});

export const jiraCommentSchema = (apiVersion: 2 | 3): object => ({
  type: "object",
  additionalProperties: false,
  required: ["body"],
  properties: { body: apiVersion === 3 ? adf : plain },
});

export const jiraSearchSchema: object = {
  type: "object",
  additionalProperties: false,
  required: ["jql"],
  properties: {
    jql: { type: "string", minLength: 1 },
    maxResults: { type: "integer", minimum: 1 },
    fields: { type: "array", items: { type: "string" } },
  },
};
