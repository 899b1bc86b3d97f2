import { configure, memorySink, observe } from "sightline";
import { compareTraced } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { memberTargets } from "./conformance/targets.ts";

const memory = memorySink();
configure({ sinks: [memory] });

conformance("traced", memberTargets, (each, target) => compareTraced(each, target, observe, memory));
