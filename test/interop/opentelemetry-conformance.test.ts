import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { configure, memorySink, observe } from "sightline";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import { compareTraced } from "../observe/conformance/compare.ts";
import { conformance } from "../observe/conformance/suite.ts";
import { functionTargets, memberTargets } from "../observe/conformance/targets.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager());
const memory = memorySink();
configure({ sinks: [memory], carrier: openTelemetryCarrier() });

const NAMES = ["method", "async generator method"];
const targets = [...memberTargets, ...functionTargets].filter(({ name }) => NAMES.includes(name));

conformance("in OpenTelemetry's context", targets, (each, target) => compareTraced(each, target, observe, memory));
