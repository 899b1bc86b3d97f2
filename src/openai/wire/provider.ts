/** OpenAI's own, in any region. */
const OPENAI = "openai.com";

const HOSTS: readonly (readonly [suffix: string, provider: string])[] = [
  ["openai.azure.com", "azure.ai.openai"],
  ["services.ai.azure.com", "azure.ai.openai"],
  ["cognitiveservices.azure.com", "azure.ai.openai"],
  ["groq.com", "groq"],
  ["deepseek.com", "deepseek"],
  ["x.ai", "x_ai"],
  ["mistral.ai", "mistral_ai"],
  ["perplexity.ai", "perplexity"],
];

/**
 * The provider behind a host, by OpenTelemetry's names. A host that is not known speaks OpenAI's protocol, and is named
 * after it.
 */
export function providerOf(host: string): string {
  const name = host.toLowerCase();
  const known = HOSTS.find(([suffix]) => isBelow(name, suffix));
  if (known !== undefined) return known[1];
  return isMoonshot(name) ? "moonshot_ai" : "openai";
}

/** Whether a host is one of those that are known for such an API. */
export function isKnownHost(host: string): boolean {
  const name = host.toLowerCase();
  return isBelow(name, OPENAI) || isMoonshot(name) || HOSTS.some(([suffix]) => isBelow(name, suffix));
}

function isBelow(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}

/** `api.moonshot.ai`, `api.moonshot.cn`. */
function isMoonshot(name: string): boolean {
  return name.split(".").includes("moonshot");
}
