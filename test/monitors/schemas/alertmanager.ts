/**
 * Alertmanager as JSON Schema. `postableAlerts`: prometheus/alertmanager, api/v2/openapi.yaml. Names of labels and
 * annotations: prometheus/common, model.LabelName (`[a-zA-Z_][a-zA-Z0-9_]*`), and `alertname` by api/v2/api.go's own check
 * that no label set is empty. The webhook's message, version 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
 */
const labelSet = {
  type: "object",
  propertyNames: { pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$" },
  additionalProperties: { type: "string" },
};
const dateTime = { type: "string", format: "date-time" };
const labels = {
  ...labelSet,
  required: ["alertname", "severity"],
  additionalProperties: { type: "string", minLength: 1 },
};

export const postableAlertsSchema: object = {
  type: "array",
  minItems: 1,
  items: {
    type: "object",
    additionalProperties: false,
    required: ["labels"],
    properties: {
      startsAt: dateTime,
      endsAt: dateTime,
      annotations: labelSet,
      labels,
      generatorURL: { type: "string", format: "uri" },
    },
  },
};

export const webhookSchema: object = {
  type: "object",
  // Ours besides: `id`, `action`, `incident`.
  additionalProperties: false,
  required: [
    "version",
    "groupKey",
    "truncatedAlerts",
    "status",
    "receiver",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "externalURL",
    "alerts",
    "id",
    "action",
  ],
  properties: {
    version: { const: "4" },
    groupKey: { type: "string", minLength: 1 },
    truncatedAlerts: { type: "integer", minimum: 0 },
    status: { enum: ["firing", "resolved"] },
    receiver: { type: "string", minLength: 1 },
    groupLabels: labelSet,
    commonLabels: labelSet,
    commonAnnotations: labelSet,
    externalURL: { type: "string" },
    alerts: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"],
        properties: {
          status: { enum: ["firing", "resolved"] },
          labels,
          annotations: labelSet,
          startsAt: dateTime,
          endsAt: dateTime,
          generatorURL: { type: "string" },
          fingerprint: { type: "string", minLength: 1 },
        },
      },
    },
    id: { type: "string", minLength: 1 },
    action: { enum: ["trigger", "update", "acknowledge", "resolve"] },
    incident: { type: "string" },
  },
};
