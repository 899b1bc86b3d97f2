import OpenAI from "openai5";
import { sdkMatrix } from "./sdk-matrix.ts";

sdkMatrix(OpenAI, "openai 5");
