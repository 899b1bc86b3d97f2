/** @opentelemetry/sdk-node of the 3.x line with http and undici instrumentation, and openTelemetryCarrier. */
import { suite } from "../otel2/suite.js";

suite("3.x", new URL("modules.js", import.meta.url));
