/** Secrets and their look-alikes. Put together from pieces, so that no scanner takes this file for a leak. */
export interface Planted {
  readonly shape: string;
  readonly text: string;
  /** Must not be found in what was captured. */
  readonly secret: string;
}

const letters = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1";
const run = (length: number): string => letters.repeat(3).slice(0, length);
const hex = (length: number): string => "0f1e2d3c4b5a69788796a5b4c3d2e1f0".repeat(3).slice(0, length);
const digits = (length: number): string => "1234567890".repeat(7).slice(0, length);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

function token(shape: string, secret: string): Planted {
  return { shape, text: `we sent ${secret} to the server`, secret };
}

function given(shape: string, before: string, secret: string, after = ""): Planted {
  return { shape, text: `${before}${secret}${after}`, secret };
}

const uuid = `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`;
const jwt = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64('{"sub":"1234567890"}').replace(/=/g, "")}.${run(43)}`;
const pem = (label: string, body: string): string =>
  `-----BEGIN ${label}-----\n${body}\n${body}\n-----END ${label}-----`;

export const SECRETS: readonly Planted[] = [
  token("OpenAI key", `sk-${run(48)}`),
  token("OpenAI project key", `sk-proj-${run(20)}_${run(30)}-${run(40)}`),
  token("OpenAI service account key", `sk-svcacct-${run(40)}`),
  token("OpenAI admin key", `sk-admin-${run(40)}`),
  token("short OpenAI-style key of a compatible host", `sk-local-${digits(8)}`),
  token("Anthropic key", `sk-ant-api03-${run(60)}-${run(20)}AA`),
  token("OpenRouter key", `sk-or-v1-${hex(64)}`),
  token("Langfuse secret key", `sk-lf-${uuid}`),
  token("Langfuse public key", `pk-lf-${uuid}`),
  token("LangSmith key", `lsv2_pt_${hex(32)}_${hex(10)}`),
  token("Groq key", `gsk_${run(52)}`),
  token("xAI key", `xai-${run(60)}`),
  token("Perplexity key", `pplx-${run(48)}`),
  token("NVIDIA key", `nvapi-${run(50)}`),
  token("Hugging Face token", `hf_${run(34)}`),
  token("Replicate token", `r8_${run(37)}`),
  token("Stripe live key", `sk_live_${run(24)}`),
  token("Stripe restricted key", `rk_live_${run(24)}`),
  token("GitHub personal token", `ghp_${run(36)}`),
  token("GitHub OAuth token", `gho_${run(36)}`),
  token("GitHub user token", `ghu_${run(36)}`),
  token("GitHub server token", `ghs_${run(36)}`),
  token("GitHub refresh token", `ghr_${run(36)}`),
  token("GitHub fine-grained token", `github_pat_${run(22)}_${run(59)}`),
  token("GitLab token", `glpat-${run(20)}`),
  token("AWS access key id", `AKIA${"Q3EGRIJ5T7YKLMNZ"}`),
  token("AWS temporary key id", `ASIA${"Q3EGRIJ5T7YKLMNZ"}`),
  token("Google API key", `AIza${run(35)}`),
  token("Google OAuth token", `ya29.${run(60)}`),
  token("Slack bot token", `xoxb-${digits(12)}-${digits(12)}-${run(24)}`),
  token("Slack user token", `xoxp-${digits(12)}-${run(24)}`),
  token("npm token", `npm_${run(36)}`),
  token("SendGrid key", `SG.${run(22)}.${run(43)}`),
  token("Shopify token", `shpat_${hex(32)}`),
  token("JSON Web Token", jwt),
  token("unsigned JSON Web Token", jwt.slice(0, jwt.lastIndexOf("."))),
  token("encrypted JSON Web Token", `${jwt}.${run(30)}.${run(22)}`),
  { shape: "PEM private key", text: `key:\n${pem("RSA PRIVATE KEY", run(64))}\nend`, secret: run(64) },
  { shape: "PEM in one line", text: JSON.stringify({ pem: pem("EC PRIVATE KEY", run(64)) }), secret: run(64) },
  { shape: "PEM cut short", text: pem("PRIVATE KEY", run(64)).slice(0, 120), secret: run(64) },
  given("bearer header", "Authorization: Bearer ", run(30)),
  given("bearer in prose", "sent with bearer ", run(30), " as usual"),
  given("opaque bearer", "Bearer ", `${hex(8)}.${run(6)}`),
  given("basic header", "authorization: Basic ", base64("alice:correct horse")),
  given("basic without padding", "Basic ", base64("alice:correct horse").replace("=", "")),
  given("basic in an array", 'headers ["Basic ', base64("alice:correct horse"), '"]'),
  given("URL password", "postgres://app:", "s3cr3t-pw", "@db.internal:5432/main"),
  given("URL password with signs", "amqp://app:", "p@ss:w#rd?x", "@mq.internal/v"),
  given("URL password without a user", "redis://:", "hunter2hunter2", "@cache:6379"),
  given("query key", "GET https://maps.example.com/geo?address=x&key=", "plainvalue42", "&v=3"),
  given("query signature", "https://acc.blob.example.net/c?sv=2024&sig=", "abc%2Bdef%3D", "&se=1"),
  given("signed URL", "https://b.example.com/o?X-Amz-Date=1&X-Amz-Signature=", hex(64)),
  given("query token", "wss://api.example.com/v1?token=", "opaque-value", "&model=m"),
  given("fragment token", "https://app.example.com/cb#access_token=", "opaque-value", "&state=1"),
  given("environment line", "export OPENAI_API_KEY=", "plain-key-value"),
  given("environment line with quotes", "AWS_SECRET_ACCESS_KEY='", "wJalr/XUtn+FEMI", "'"),
  given("yaml", "db:\n  password: ", "hunter2hunter2", "\n  port: 5432"),
  given("JSON member", '{"user":"bob","api_key":"', "plain key value", '","n":1}'),
  given("JSON number", '{"passcode":', "424242424242", ',"n":1}'),
  given("JSON array", '{"passwords":["', 'one-word","two-words', '"],"n":1}'),
  given("JSON in JSON", JSON.stringify({ body: '{"client_secret":"' }).slice(0, -2), "plain value", '\\"}"}'),
  given("JSON in JSON after an escaped quote", '"{\\"password\\":\\"a\\\\\\"', "and more", '\\"}"'),
  given("JSON twice in JSON", '"{\\"a\\":\\"{\\\\\\"password\\\\\\":\\\\\\"', "deep value", '\\\\\\"}\\"}"'),
  given("JSON after an escaped quote", '{"password":"a\\"', "and more", '\\\\","n":1}'),
  given("camel case", "{ clientSecret: '", "plain value", "' }"),
  given("Python keyword argument", 'OpenAI(api_key=b"', "plain value", '")'),
  given("Ruby hash", ':password => "', "plain value", '"'),
  given("subscript", 'headers["x-api-key"] = "', "plain value", '"'),
  given("Go assignment", 'apiKey := "', "plain value", '"'),
  given("header line", "X-Api-Key: ", "plain-value", "\r\nAccept: */*"),
  given("cookie line", "Cookie: ", "sid=abc; theme=dark; auth=xyz", "\nAccept: */*"),
  given("set-cookie line", "Set-Cookie: ", "sid=abc; Path=/; HttpOnly", "\n"),
  given("authorization of its own kind", "Authorization: ", "ApiKey opaque value", "\n"),
  given("command line flag", "deploy --auth-token ", "plain-value", " --dry-run"),
  given("two words", "The API key: ", "plain-value-1"),
  given("connection string", "Server=tcp:db;User Id=sa;Password=", "P4ss,word!", ";Encrypt=true"),
  given("storage account", "AccountName=acc;AccountKey=", "abcd+efgh/ijkl==", ";Suffix=core"),
];

/** Names whose values are secret, in the ways that programs write them. */
export const SECRET_NAMES: readonly string[] = [
  ...["authorization", "Authorization", "proxy-authorization", "Proxy-Authorization", "cookie", "Cookie", "set-cookie"],
  ...["cookies", "x-api-key", "X-Api-Key", "X-API-KEY", "apiKey", "apikey", "api_key", "api-key", "APIKey", "api_keys"],
  ...[
    "OPENAI_API_KEY",
    "openaiApiKey",
    "secret",
    "SECRET",
    "clientSecret",
    "client_secret",
    "CLIENT-SECRET",
    "appsecret",
  ],
  ...[
    "AWS_SECRET_ACCESS_KEY",
    "secretAccessKey",
    "token",
    "Token",
    "accessToken",
    "access_token",
    "refreshToken",
    "id_token",
  ],
  ...["X-Auth-Token", "GITHUB_TOKEN", "githubToken2", "csrfToken", "authtoken", "password", "Password", "userPassword"],
  ...["password_confirmation", "newPassword1", "passwd", "DB_PASSWD", "pwd", "passphrase", "privateKey", "private_key"],
  ...[
    "private-key",
    "accessKey",
    "access_key",
    "accessKeyId",
    "connectionString",
    "connection_string",
    "credentials",
    "jwt",
  ],
];

export const INNOCENT_NAMES: readonly string[] = [
  ...[
    "tokens",
    "max_tokens",
    "maxTokens",
    "tokenizer",
    "prompt_tokens",
    "completionTokens",
    "totalTokens",
    "tokenCount",
  ],
  ...["token_count", "candidatesTokenCount", "token_type", "time_to_first_token", "firstTokenMs", "cost_per_token"],
  ...[
    "inputCostPerToken",
    "eos_token_id",
    "padToken",
    "max_token_limit",
    "inputTokenDetails",
    "cached_token",
    "tokenize",
  ],
  ...["secretary", "author", "authority", "authorized", "keyboard", "key", "keys", "primaryKey", "sortKey", "monkey"],
  ...["publicKey", "passenger", "passage", "bypass", "compass", "cookieless", "passed", "connection", "sessionId"],
];

/** Texts that must come out as they went in. */
export const INNOCENT: readonly string[] = [
  "The task-force risk-assessed the desk-bound disk-image of this whisk-shaped kiosk-terminal.",
  "pip install scikit-learn; import sk-learn; see sk-estimator-doc-link",
  "npm_config_registry and npm_package_version are set by npm itself",
  "max_tokens=4096, prompt_tokens: 12, completion_tokens: 30, total_tokens=42",
  "time_to_first_token: 312 ms, cost_per_token=0.00001, tokens per second: 45",
  "Time to first token: 300 ms",
  "A tokenizer splits text into tokens; each token stands for about four characters.",
  "The secret of getting ahead is getting started.",
  "She is the secretary of the authority, and he authored the keynote.",
  "Press any key to continue. The key idea: keep it simple.",
  "The keyword: argument, the monkey: business, the turkey = dinner",
  "const key = map.keys().next(); sortKey: 'name', primaryKey = 'id'",
  "if (token == null || password === undefined) return;",
  "interface Options { token: string; password: string | undefined; apiKey?: string }",
  "function login(token: string, secret: boolean): void {}",
  "apiKey: process.env.OPENAI_API_KEY, token: $" + "{TOKEN}",
  "password: null, token: undefined, secret: false",
  "https://example.com/docs/secrets?page=2&sort=name#tokens",
  "https://user@example.com/path and mailto:someone@example.com",
  "http://localhost:3000/@scope/package and https://example.com:8443/a@b",
  "git clone ssh://git@github.com:22/org/repo.git",
  "see chapter://section, a://b, ://",
  "Basic authentication and basic JavaScript, basic knowledge of Basic Latin",
  "the bearer of good news; bearer bonds; Bearer authentication is a scheme",
  "550e8400-e29b-41d4-a716-446655440000 and asst_abc123, thread_abc123, run_abc123, call_abc123, chatcmpl-123",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "eyJ is how base64 JSON starts; eyJhbGciOiJIUzI1NiJ9 is a header alone",
  "AKIA is a prefix, ASIA is a continent, AIza too; SG. is Singapore, ya29. is not",
  "-----BEGIN and -----END are PEM markers",
  "Solve 3x + 11 = 14; the ratio is 2:1 at 10:30",
  '{"city":"Paris","temperature":21.5,"unit":"celsius","tokens":["a","b"]}',
  "cookie: a small sweet biscuit; cookies are baked at 180 degrees",
  "The passage passes the compass: north = up, bypass = open",
  "Pass: 12, fail: 3, skipped = 0",
  "signature: one whole note; a sign: left; design=flat",
  "seats sk-1, pk-22 and rk_3",
  "sk-SK and pk-PK are locales, hf_ is a prefix, xoxo is a greeting",
];
