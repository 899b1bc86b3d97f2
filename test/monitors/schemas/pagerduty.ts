/**
 * PagerDuty Events API v2, "Send an Alert Event", as JSON Schema. Field table and limits:
 * https://developer.pagerduty.com/docs/send-alert-event (PagerDuty/developer-docs, docs/events-API-v2/02-Trigger-Events.md).
 */
const link = { type: "string", pattern: "^https?://" };

const identified = {
  // "This is the 32 character Integration Key"; "The maximum permitted length of this property is 255 characters."
  routing_key: { type: "string", minLength: 32, maxLength: 32 },
  dedup_key: { type: "string", minLength: 1, maxLength: 255 },
};

export const pagerDutySchema: object = {
  type: "object",
  oneOf: [
    {
      type: "object",
      additionalProperties: false,
      required: ["routing_key", "event_action", "payload"],
      properties: {
        ...identified,
        event_action: { const: "trigger" },
        payload: {
          type: "object",
          additionalProperties: false,
          required: ["summary", "source", "severity"],
          properties: {
            summary: { type: "string", minLength: 1, maxLength: 1024 },
            source: { type: "string", minLength: 1 },
            severity: { enum: ["critical", "error", "warning", "info"] },
            timestamp: { type: "string", format: "date-time" },
            component: { type: "string", minLength: 1 },
            group: { type: "string", minLength: 1 },
            class: { type: "string", minLength: 1 },
            custom_details: { type: "object" },
          },
        },
        client: { type: "string" },
        client_url: link,
        links: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["href"],
            properties: { href: link, text: { type: "string" } },
          },
        },
        images: {
          type: "array",
          items: {
            type: "object",
            additionalProperties: false,
            required: ["src"],
            // "This image must be served via HTTPS."
            properties: { src: { type: "string", pattern: "^https://" }, href: link, alt: { type: "string" } },
          },
        },
      },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["routing_key", "event_action", "dedup_key"],
      properties: { ...identified, event_action: { enum: ["acknowledge", "resolve"] } },
    },
  ],
};

/** "Events API payloads are limited to 512 KB": docs/events-API-v2/01-Overview.md. */
export const PAGERDUTY_MAX_BYTES: number = 512 * 1024;
