import { ApiError, badRequest, page, type Routes, type Wire, type World } from "./http.ts";
import { tokens } from "./text.ts";

const MODELS = ["gpt-4", "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "gpt-5", "text-embedding-3-small"];
/** 2025-01-01. The real ones differ. */
const CREATED = 1_735_689_600;
/** What `text-embedding-3-small` returns by default. */
const DIMENSIONS = 1536;

/** Models, in pages when `limit` or `after` asks for them, embeddings and moderations. */
export function modelRoutes(world: World): Routes {
  const models = MODELS.map((id) => ({ id, object: "model", created: CREATED, owned_by: "system" }));
  return {
    "GET /models": ({ query }) => ({ json: page(models, new URLSearchParams([["order", "asc"], ...query])) }),
    "GET /models/:model": ({ params }) => {
      const found = models.find(({ id }) => id === params.model);
      if (found === undefined) {
        const fields = { param: "model", code: "model_not_found" };
        throw new ApiError(404, `The model '${params.model}' does not exist`, fields);
      }
      return { json: found };
    },
    "POST /moderations": ({ body }) => {
      const inputs: unknown[] = Array.isArray(body.input) ? body.input : [body.input];
      const model = body.model ?? "omni-moderation-latest";
      return { json: { id: world.id("modr-"), model, results: inputs.map((input) => moderation(input)) } };
    },
    "POST /embeddings": ({ body }) => {
      if (body.input === undefined) throw badRequest("Missing required parameter: 'input'.");
      const inputs: unknown[] =
        Array.isArray(body.input) && typeof body.input[0] !== "number" ? body.input : [body.input];
      const data = inputs.map((input, index) => {
        const vector = embed(JSON.stringify(input), body.dimensions ?? DIMENSIONS);
        const embedding =
          body.encoding_format === "base64" ? Buffer.from(vector.buffer).toString("base64") : Array.from(vector);
        return { object: "embedding", index, embedding };
      });
      const prompt_tokens = tokens(...inputs);
      const usage: Wire = { prompt_tokens, total_tokens: prompt_tokens };
      return { json: { object: "list", data, model: body.model, usage } };
    },
  };
}

/** The model of a deployment: the one that its name speaks of, `gpt-4o` of `my-gpt-4o`. */
export function modelBehind(deployment: string): string {
  const known = MODELS.filter((model) => deployment.includes(model));
  return known.reduce((longest, model) => (model.length > longest.length ? model : longest), "") || deployment;
}

/** A unit vector; the same text always gives the same one. */
function embed(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < text.length; i++) vector[(text.charCodeAt(i) * 31 + i) % dimensions]! += 1;
  const norm = Math.hypot(...vector);
  return vector.map((x) => x / norm);
}

/** Flags what speaks of killing. */
function moderation(input: unknown): Wire {
  const flagged = /\bkill/i.test(JSON.stringify(input ?? ""));
  return {
    flagged,
    categories: { harassment: false, hate: false, violence: flagged },
    category_scores: { harassment: 0.0001, hate: 0.0001, violence: flagged ? 0.97 : 0.0002 },
    category_applied_input_types: { harassment: ["text"], hate: ["text"], violence: ["text"] },
  };
}
