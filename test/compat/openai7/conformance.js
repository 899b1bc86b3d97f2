/** The conformance suite of test/observe with openai 7 as the client; `sightline` is the built package of this repository. */
import OpenAI from "openai";
import { openaiConformance } from "../../observe/openai-conformance.ts";

openaiConformance(OpenAI, "openai 7");
