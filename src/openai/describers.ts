import { speechDescriber, transcriptionDescriber } from "./audio.ts";
import { chatDescriber } from "./chat.ts";
import { completionDescriber } from "./completion.ts";
import type { Describer } from "./describe.ts";
import { embeddingDescriber } from "./embeddings.ts";
import { imageDescriber } from "./images.ts";
import { moderationDescriber } from "./moderation.ts";
import { responseDescriber } from "./responses.ts";

type Endpoint = "chat" | "completion" | "response" | "embedding" | "image" | "speech" | "transcription" | "moderation";

/** What makes spans of the calls of each endpoint that runs a model. */
export const describers: { readonly [endpoint in Endpoint]: Describer } = {
  chat: chatDescriber,
  completion: completionDescriber,
  response: responseDescriber,
  embedding: embeddingDescriber,
  image: imageDescriber,
  speech: speechDescriber,
  transcription: transcriptionDescriber,
  moderation: moderationDescriber,
};
