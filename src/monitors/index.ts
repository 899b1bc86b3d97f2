export type * from "./alerts/alert.ts";
export { SEVERITIES } from "./alerts/alert.ts";
export { type Alerts, type AlertsOptions, alerts } from "./alerts/alerts.ts";
export { alertsDashboard } from "./alerts/alerts-dashboard.ts";
export { type DefaultRulesOptions, defaultRules } from "./alerts/default-rules.ts";
export type { Matchers, Silence, SilenceOptions } from "./alerts/silences.ts";
export type { AttributionOptions } from "./budgets/attribute.ts";
export type { Attribution, AttributionRow } from "./budgets/attribution.ts";
export type { BudgetEvent, BudgetLevel, BudgetStatus } from "./budgets/budget-status.ts";
export { type Budgets, budgets } from "./budgets/budgets.ts";
export { type BudgetsDashboardOptions, budgetsDashboard } from "./budgets/budgets-dashboard.ts";
export type { AskedCall, BudgetLimit, BudgetsOptions, HardLimit } from "./budgets/budgets-options.ts";
export type { Per } from "./budgets/calendar.ts";
export type { Who } from "./budgets/gatekeeper.ts";
export type { ReportOptions } from "./budgets/report.ts";
export { type AlertmanagerOptions, alertmanager } from "./channels/alertmanager.ts";
export { type ConsoleChannelOptions, consoleChannel } from "./channels/console.ts";
export type { DeadLetter } from "./channels/dead-letters.ts";
export { type EmailOptions, email } from "./channels/email.ts";
export { type JiraOptions, jira } from "./channels/jira.ts";
export type { TraceUrl } from "./channels/normal.ts";
export type * from "./channels/notification.ts";
export { type Notifier, type NotifierOptions, type NotifierStats, notifier } from "./channels/notifier.ts";
export { type PagerDutyOptions, pagerDuty } from "./channels/pagerduty.ts";
export { defaultRoutes, type Route } from "./channels/route.ts";
export type { TestOutcome } from "./channels/send-tests.ts";
export { type VerifyOptions, verifyWebhook } from "./channels/signature.ts";
export { type SlackOptions, slack } from "./channels/slack.ts";
export { type WebhookMessage, type WebhookOptions, webhook } from "./channels/webhook.ts";
export type { ChannelStats } from "./channels/worker.ts";
export { type DashboardParts, dashboard, type LiveDashboardOptions, liveDashboard } from "./dashboard.ts";
export { assistantsRunbooks } from "./incidents/assistants-runbooks.ts";
export type { HandWork } from "./incidents/by-hand.ts";
export { defaultRunbooks } from "./incidents/default-runbooks.ts";
export type * from "./incidents/incident.ts";
export { INCIDENT_STATUSES } from "./incidents/incident.ts";
export { type Incidents, incidents } from "./incidents/incidents.ts";
export { incidentsDashboard } from "./incidents/incidents-dashboard.ts";
export type { Mitigation } from "./incidents/mitigation.ts";
export type { IncidentsOptions } from "./incidents/options.ts";
export { runbookMarkdown } from "./incidents/runbook.ts";
export type { PublicIncident, ServiceStatus, StatusDay, StatusPage } from "./incidents/status-page.ts";
export { LOG_FIELDS, type LogLine } from "./log/log-line.ts";
export { type LogFields, type LogSinkOptions, logSink } from "./log/log-sink.ts";
export type { Logger, LoggerShape } from "./log/loggers.ts";
export type { Circuit, Quota } from "./metrics/live.ts";
export { type Metrics, type MetricsOptions, metrics } from "./metrics/metrics.ts";
export { metricsDashboard } from "./metrics/metrics-dashboard.ts";
export type { Figures, MetricsSnapshot } from "./metrics/snapshot.ts";
export { type CallStatus, type ModelCall, modelCallOf } from "./model-call.ts";
export { type PrometheusRulesOptions, prometheusRules } from "./prometheus/rules.ts";
export { type ConsistencyOptions, consistency } from "./quality/consistency.ts";
export type { DriftOptions, GivenBaseline } from "./quality/drift.ts";
export type { StreamLabels } from "./quality/drift-streams.ts";
export type { FeedbackOptions } from "./quality/feedback.ts";
export { type GoldenOptions, golden } from "./quality/golden.ts";
export { type GroundingOptions, grounding } from "./quality/grounding.ts";
export { type HedgingOptions, hedging } from "./quality/hedging.ts";
export { type JsonFormatOptions, jsonFormat } from "./quality/json-format.ts";
export { jsonSchema, type Validate } from "./quality/json-schema.ts";
export { type JudgeOptions, judge } from "./quality/judge.ts";
export { type LanguageMatchOptions, languageMatch } from "./quality/language-match.ts";
export { type LexicalOverlapOptions, lexicalOverlap } from "./quality/lexical-overlap.ts";
export { type MarkdownFormatOptions, markdownFormat } from "./quality/markdown-format.ts";
export type { QualityOptions, ScorerInput } from "./quality/options.ts";
export { type Quality, type QualityCounts, quality } from "./quality/quality.ts";
export { type RefusalOptions, refusal } from "./quality/refusal.ts";
export { type RepetitionOptions, repetition } from "./quality/repetition.ts";
export {
  type Judgement,
  type Sample,
  type SampleScorer,
  type Scorer,
  type ScorerOptions,
  scorer,
  type TextScorer,
  type Verdict,
} from "./quality/scorer.ts";
export type { ScorerCounts } from "./quality/scoring.ts";
export { type TextLengthOptions, textLength } from "./quality/text-length.ts";
export type { Dimension, Metric, Query, Reading, Source, WindowRange } from "./reading.ts";
export { type State, stateFile } from "./state.ts";
