import OpenAI from "openai4";
import { sdkMatrix } from "./sdk-matrix.ts";

sdkMatrix(OpenAI, "openai 4");
