import OpenAI from "openai5";
import { openaiConformance } from "./openai-conformance.ts";

openaiConformance(OpenAI, "openai 5");
