export { traceRequests } from "./express.ts";
export { type FastifyRequestLike, fastifyTracing } from "./fastify.ts";
export { type PropagatedFetchOptions, propagatedFetch } from "./fetch.ts";
export { type HonoContextLike, honoTracing } from "./hono.ts";
export type { RequestOptions } from "./options.ts";
