import OpenAI from "openai";
import { openaiConformance } from "./openai-conformance.ts";

openaiConformance(OpenAI, "openai 6");
