/** The matrix of test/openai/wire with openai 7 as the client; `sightline` is the built package of this repository. */
import OpenAI from "openai";
import { sdkMatrix } from "../../openai/wire/sdk-matrix.ts";

sdkMatrix(OpenAI, "openai 7");
