import { configure, memorySink, observe } from "sightline";
import { compareTraced } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { functionTargets, memberTargets } from "./conformance/targets.ts";
import { tc39Targets } from "./conformance/targets-tc39.ts";

const memory = memorySink();
configure({ sinks: [memory] });

const targets = [...memberTargets, ...functionTargets, ...tc39Targets];
conformance("traced", targets, (each, target) => compareTraced(each, target, observe, memory));
