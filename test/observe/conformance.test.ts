import { configure, memorySink, observe } from "sightline";
import { compareTraced } from "./conformance/compare.ts";
import { conformance } from "./conformance/suite.ts";
import { memberTargets } from "./conformance/targets.ts";

const memory = memorySink();
configure({ sinks: [memory] });

// Every case with every target takes half a minute: conformance-targets.long.ts.
conformance("traced", memberTargets, (each, target) => compareTraced(each, target, observe, memory), { share: 4 });
