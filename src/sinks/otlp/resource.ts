import { basename } from "node:path";
import { debug } from "../../core/guard.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import { VERSION } from "./scope.ts";

/** `host.arch` where the conventions have a word of their own. */
const ARCHITECTURES: { readonly [arch: string]: string } = { x64: "amd64", ia32: "x86", arm: "arm32", ppc: "ppc32" };
const SYSTEMS: { readonly [platform: string]: string } = { win32: "windows", sunos: "solaris" };

let instanceId: string | undefined;

/**
 * The resource of this process: `given` over `OTEL_SERVICE_NAME` over `OTEL_RESOURCE_ATTRIBUTES` over what is detected
 * (service, host, process, SDK). Arguments of the command line are not in it: they may hold secrets.
 *
 * Source: OpenTelemetry's resource SDK and its semantic conventions for `service`, `host`, `os`, `process`, `telemetry`.
 */
export function resourceOf(given: Attributes, env: NodeJS.ProcessEnv): Attributes {
  const name = env["OTEL_SERVICE_NAME"];
  return {
    ...detected(),
    ...fromVariable(env["OTEL_RESOURCE_ATTRIBUTES"] ?? ""),
    ...(name && { "service.name": name }),
    ...given,
  };
}

function detected(): Attributes {
  const { arch, platform, pid, execPath, versions } = process;
  const executable = basename(execPath);
  // One for the process, whoever asks: receivers tell instances apart by it.
  instanceId ??= process.getBuiltinModule("node:crypto").randomUUID();
  return {
    "service.name": `unknown_service:${executable}`,
    "service.instance.id": instanceId,
    "host.name": process.getBuiltinModule("node:os").hostname(),
    "host.arch": ARCHITECTURES[arch] ?? arch,
    "os.type": SYSTEMS[platform] ?? platform,
    "process.pid": pid,
    "process.executable.name": executable,
    "process.runtime.name": "nodejs",
    "process.runtime.version": versions.node,
    "telemetry.sdk.name": "sightline",
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.version": VERSION,
  };
}

/** `key=value,key=value`, percent-encoded. The specification has a variable with one bad entry ignored whole. */
function fromVariable(written: string): Attributes {
  const attributes: { [name: string]: string } = {};
  try {
    for (const entry of written.split(",")) {
      if (entry.trim() === "") continue;
      const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/s.exec(entry) ?? [];
      if (key === undefined) throw new Error("an entry is no key=value");
      attributes[decodeURIComponent(key)] = decodeURIComponent(value!);
    }
    return attributes;
  } catch (error) {
    debug(`OTEL_RESOURCE_ATTRIBUTES ignored: ${(error as Error).message}`);
    return {};
  }
}
