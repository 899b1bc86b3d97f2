import OpenAI from "openai";
import { sdkMatrix } from "./sdk-matrix.ts";

sdkMatrix(OpenAI, "openai 6");
