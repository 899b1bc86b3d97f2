import { checkOptions } from "../../core/check-options.ts";
import { ConfigError, type SinkError } from "../../core/errors.ts";
import { adfDocument, jiraText } from "./adf.ts";
import type { Channel, Notification, Thread } from "./notification.ts";
import { type ChannelOptions, COMMON, TEXT, TEXTS, URL_TEXT, WITHOUT_ACKNOWLEDGE } from "./options.ts";
import { api, request, shownRequest } from "./request.ts";
import { clip, oneLine, shortHash } from "./text.ts";

export interface JiraOptions extends ChannelOptions {
  /** `https://your-domain.atlassian.net`, or that of a server of your own. */
  readonly url: string | URL;
  /** Cloud: an account and its API token. */
  readonly email?: string;
  readonly token?: string;
  /** Data Center: a personal access token. */
  readonly personalToken?: string;
  /** The project's key: `OPS`. */
  readonly project: string;
  /** Default: `Task`. */
  readonly issueType?: string;
  /** 3: Jira Cloud. 2: Data Center. Default: 3 with `email`, 2 with `personalToken`. */
  readonly apiVersion?: 2 | 3;
  /** Besides `sightline` and the one that the issue is found by. */
  readonly labels?: readonly string[];
  /** The name or id of a transition, such as `Done`. Default: the issue is left open. */
  readonly transitionOnResolve?: string;
}

/** Of an issue that a message becomes. */
export type JiraIssueOptions = Pick<JiraOptions, "project" | "issueType" | "apiVersion" | "labels">;

/** Jira's limit. */
const MAX_SUMMARY = 255;

/**
 * One Jira issue for each key: created once, commented afterwards. An issue that is not remembered is looked for by a label
 * made of the key, among those that are not done. 429 and 5xx are tried again; other answers are final, with Jira's reasons.
 *
 * Jira has no way to create an issue only once: where its answer is lost on the way, and its search does not know the issue
 * yet, there are two.
 *
 * @throws ConfigError unless there is either an e-mail and a token or a personal token
 * @example
 * import { jira } from "sightline/monitors";
 * const channel = jira({ url: "https://example.atlassian.net", email: "bot@example.com", token: "an API token", project: "OPS" });
 */
export function jira(options: JiraOptions): Channel {
  const isSecret = (value: unknown) => typeof value === "string" && value !== "" && value === oneLine(value);
  checkOptions("jira", options, {
    ...COMMON,
    url: URL_TEXT,
    email: [(value) => isSecret(value) && String(value).includes("@"), "an e-mail address"],
    token: [isSecret, "a token"],
    personalToken: [isSecret, "a token"],
    project: [(value) => typeof value === "string" && /^[A-Za-z][A-Za-z0-9_]*$/.test(value), "the key of a project"],
    issueType: TEXT,
    apiVersion: [(value) => value === 2 || value === 3, "2 or 3"],
    labels: [
      (value) => TEXTS[0](value) && (value as string[]).every((one) => !/\s/.test(one)),
      "labels without spaces",
    ],
    transitionOnResolve: TEXT,
  });
  const { name = "jira", email, token, personalToken, project } = options;
  const isCloud = email !== undefined && token !== undefined && personalToken === undefined;
  const isServer = personalToken !== undefined && email === undefined && token === undefined;
  if (!isCloud && !isServer) {
    throw new ConfigError("CONFIG_CHANNEL", "jira() takes either email and token, or personalToken.");
  }
  if (project === undefined) throw new ConfigError("CONFIG_CHANNEL", "jira() needs project, such as OPS.");
  const authorization = isCloud
    ? `Basic ${Buffer.from(`${email}:${token}`).toString("base64")}`
    : `Bearer ${personalToken}`;
  const secrets = [token ?? personalToken!];
  const target = api("jira", { ...options, name, headers: { authorization }, secrets, isSecret: true });
  const version = options.apiVersion ?? (isCloud ? 3 : 2);
  const made = { ...options, apiVersion: version } as const;
  const root = `/rest/api/${version}`;

  const post = async (path: string, body: object, signal: AbortSignal): Promise<any> => {
    return (await request(target, signal, { path: `${root}${path}`, body })).json();
  };

  async function find(notification: Notification, signal: AbortSignal): Promise<string | undefined> {
    const path = version === 3 ? "/search/jql" : "/search";
    const found = await post(path, jiraSearch(notification, project), signal);
    return keyOf(found?.issues?.[0]);
  }

  async function create(notification: Notification, signal: AbortSignal): Promise<Thread | undefined> {
    const issue = keyOf(await post("/issue", jiraIssue(notification, made), signal));
    return issue === undefined ? undefined : { issue };
  }

  /** Whether the issue is still there. */
  async function comment(issue: string, notification: Notification, signal: AbortSignal): Promise<boolean> {
    try {
      await post(`/issue/${issue}/comment`, jiraComment(notification, version), signal);
      return true;
    } catch (error) {
      if ((error as SinkError).code === "CHANNEL_HTTP_404") return false;
      throw error;
    }
  }

  /** Before the comment: when that fails and both are tried again, the transition is no longer offered. */
  async function transition(issue: string, signal: AbortSignal): Promise<void> {
    const wanted = options.transitionOnResolve?.toLowerCase();
    if (wanted === undefined) return;
    const path = `/issue/${issue}/transitions`;
    const answer = await request(target, signal, { method: "GET", path: `${root}${path}` });
    const { transitions } = (answer.json() ?? {}) as {
      transitions?: { id: string; name?: string; to?: { name?: string } }[];
    };
    const found = (Array.isArray(transitions) ? transitions : []).find(({ id, name, to }) => {
      return [id, name?.toLowerCase(), to?.name?.toLowerCase()].includes(wanted);
    });
    if (found !== undefined) await post(path, { transition: { id: found.id } }, signal);
  }

  return {
    name,
    actions: WITHOUT_ACKNOWLEDGE,
    async send(notification, thread, signal) {
      const issue = keyOf({ key: thread?.["issue"] }) ?? (await find(notification, signal));
      const isOver = notification.action === "resolve";
      // Nobody needs an issue about what is over.
      if (issue === undefined) return isOver ? undefined : create(notification, signal);
      if (isOver) await transition(issue, signal).catch(unlessGone);
      const isThere = await comment(issue, notification, signal);
      if (isThere || isOver) return { issue };
      return create(notification, signal);
    },
    preview(notification, thread) {
      const issue = keyOf({ key: thread?.["issue"] });
      if (issue === undefined) return shownRequest(target, jiraIssue(notification, made), { path: `${root}/issue` });
      return shownRequest(target, jiraComment(notification, version), { path: `${root}/issue/${issue}/comment` });
    },
  };
}

/** The issue that a message becomes: `POST /rest/api/3/issue`. */
export function jiraIssue(notification: Notification, options: JiraIssueOptions): object {
  const { project, issueType = "Task", apiVersion = 3, labels = [] } = options;
  const title = oneLine(notification.title) || "(no title)";
  return {
    fields: {
      project: { key: project },
      issuetype: { name: issueType },
      summary: clip(`[${notification.severity.toUpperCase()}] ${title}`, MAX_SUMMARY),
      description: apiVersion === 3 ? adfDocument(notification) : jiraText(notification),
      labels: ["sightline", labelOf(notification), ...labels],
    },
  };
}

export function jiraComment(notification: Notification, apiVersion: 2 | 3): object {
  return { body: apiVersion === 3 ? adfDocument(notification) : jiraText(notification) };
}

/** The open issue of the same key: `POST /rest/api/3/search/jql`. */
export function jiraSearch(notification: Notification, project: string): object {
  const jql = `project = "${project}" AND labels = "${labelOf(notification)}" AND statusCategory != Done ORDER BY created DESC`;
  return { jql, maxResults: 1, fields: ["key"] };
}

/** Labels have no spaces, and a key may have anything. */
function labelOf({ key }: Notification): string {
  return `sightline-${shortHash(key)}`;
}

/** What may stand in an address. */
function keyOf(issue: { key?: unknown } | undefined): string | undefined {
  const key = issue?.key;
  return typeof key === "string" && /^[A-Za-z][A-Za-z0-9_]*-\d+$/.test(key) ? key : undefined;
}

function unlessGone(error: SinkError): void {
  if (error.code !== "CHANNEL_HTTP_404") throw error;
}
