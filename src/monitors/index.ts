export type * from "./alerts/alert.ts";
export { SEVERITIES } from "./alerts/alert.ts";
export type * from "./channels/notification.ts";
export type * from "./incidents/incident.ts";
export type { CallStatus, ModelCall } from "./model-call.ts";
export { modelCallOf } from "./model-call.ts";
export type * from "./reading.ts";
export { type State, stateFile } from "./state.ts";
