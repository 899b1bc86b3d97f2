/** @opentelemetry/sdk-node of the 2.x line with http and undici instrumentation, and openTelemetryCarrier. */
import { suite } from "./suite.js";

suite("2.x", new URL("modules.js", import.meta.url));
