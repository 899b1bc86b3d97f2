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
  const known = HOSTS.find(([suffix]) => name === suffix || name.endsWith(`.${suffix}`));
  if (known !== undefined) return known[1];
  // `api.moonshot.ai`, `api.moonshot.cn`.
  return name.split(".").includes("moonshot") ? "moonshot_ai" : "openai";
}
