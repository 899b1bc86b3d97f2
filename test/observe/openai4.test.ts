import OpenAI from "openai4";
import { openaiConformance } from "./openai-conformance.ts";

openaiConformance(OpenAI, "openai 4");
