/** The vendors that channels talk to, scripted, on one loopback port: they keep what they are sent as the real ones would. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export type Vendor = "pagerDuty" | "slack" | "jira" | "webhook" | "alertmanager";

/** What becomes of one request instead of the vendor's own answer. */
export type Fault =
  | { readonly status: number; readonly retryAfter?: string; readonly body?: unknown }
  /** Never answered. */
  | "hang"
  /** The connection is reset. */
  | "reset"
  /** The vendor does its work, and its answer is lost. */
  | "lost"
  /** As if nothing had been scripted. */
  | "ok";

export interface VendorRequest {
  readonly vendor: Vendor;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: any;
}

export interface PagerDutyIncident {
  readonly key: string;
  status: "triggered" | "acknowledged" | "resolved";
  readonly summary: string;
  readonly severity: string;
  triggers: number;
}

export interface SlackPost {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | undefined;
  text: string;
  blocks: any[];
  edits: number;
}

export interface JiraIssueState {
  readonly key: string;
  readonly fields: any;
  readonly comments: any[];
  status: "To Do" | "Done";
}

export interface ChannelServers extends AsyncDisposable {
  readonly requests: readonly VendorRequest[];
  readonly pagerDuty: { readonly url: string; readonly routingKey: string; readonly incidents: PagerDutyIncident[] };
  readonly slack: {
    readonly apiUrl: string;
    readonly webhookUrl: string;
    readonly token: string;
    readonly posts: SlackPost[];
  };
  readonly jira: {
    readonly url: string;
    readonly email: string;
    readonly token: string;
    readonly personalToken: string;
    readonly issues: JiraIssueState[];
  };
  readonly webhook: { readonly url: string; readonly received: VendorRequest[] };
  /** By their labels, as Alertmanager knows them. */
  readonly alertmanager: { readonly url: string; readonly alerts: Map<string, any> };
  /** The next requests to a vendor get these, one each. */
  script(vendor: Vendor, ...faults: Fault[]): void;
  /** All requests to a vendor get this, until it is `undefined`. */
  always(vendor: Vendor, fault: Fault | undefined): void;
  of(vendor: Vendor): VendorRequest[];
  close(): Promise<void>;
}

const ROUTING_KEY = "R0UT1NGKEY0123456789abcdef012345";
const SLACK_TOKEN = "xoxb-1234567890-s3cretslacktoken";
const SLACK_PATH = "/services/T0123456/B0123456/s3cretwebhookpart0123456";
const JIRA_EMAIL = "bot@example.com";
const JIRA_TOKEN = "s3cretjiratoken0123456789";
const JIRA_PAT = "s3cretpersonaltoken0123456789";

/** The secrets that nothing may show. */
export const SECRETS: readonly string[] = [
  ROUTING_KEY,
  SLACK_TOKEN,
  "s3cretwebhookpart0123456",
  JIRA_TOKEN,
  JIRA_PAT,
  Buffer.from(`${JIRA_EMAIL}:${JIRA_TOKEN}`).toString("base64"),
];

interface Reply {
  readonly status?: number;
  readonly body?: unknown;
}

export async function channelServers(): Promise<ChannelServers> {
  const requests: VendorRequest[] = [];
  const scripts = new Map<Vendor, Fault[]>();
  const constant = new Map<Vendor, Fault>();
  const sockets = new Set<Socket>();
  const incidents: PagerDutyIncident[] = [];
  const posts: SlackPost[] = [];
  const issues: JiraIssueState[] = [];
  const received: VendorRequest[] = [];
  const alerts = new Map<string, any>();

  function pagerDuty({ body }: VendorRequest): Reply {
    if (body?.routing_key !== ROUTING_KEY || typeof body.event_action !== "string") {
      return { status: 400, body: { status: "invalid event", errors: [`bad key ${body?.routing_key}`] } };
    }
    const open = incidents.find(({ key, status }) => key === body.dedup_key && status !== "resolved");
    if (body.event_action === "trigger") {
      const { summary, severity } = body.payload;
      if (open) open.triggers++;
      else incidents.push({ key: body.dedup_key, status: "triggered", summary, severity, triggers: 1 });
    } else if (open) open.status = body.event_action === "resolve" ? "resolved" : "acknowledged";
    return { status: 202, body: { status: "success", message: "Event processed", dedup_key: body.dedup_key } };
  }

  function slack({ path, headers, body }: VendorRequest): Reply {
    const post = (channel: string, threadTs?: string) => {
      const ts = `1700000000.${String(posts.length + 1).padStart(6, "0")}`;
      posts.push({ channel, ts, threadTs, text: body.text, blocks: body.blocks, edits: 0 });
      return ts;
    };
    if (path === SLACK_PATH) {
      post("webhook");
      return { body: "ok" };
    }
    if (headers.authorization !== `Bearer ${SLACK_TOKEN}`) return { body: { ok: false, error: "invalid_auth" } };
    if (path.endsWith("/chat.postMessage")) {
      const channel = body.channel.replace(/^#.*/, "C0123456");
      return { body: { ok: true, channel, ts: post(channel, body.thread_ts) } };
    }
    if (path.endsWith("/chat.update")) {
      const found = posts.find(({ ts, channel }) => ts === body.ts && channel === body.channel);
      if (!found) return { body: { ok: false, error: "message_not_found" } };
      Object.assign(found, { text: body.text, blocks: body.blocks, edits: found.edits + 1 });
      return { body: { ok: true, channel: found.channel, ts: found.ts } };
    }
    return { body: { ok: false, error: "unknown_method" } };
  }

  function jira({ method, path, headers, body }: VendorRequest): Reply {
    const basic = `Basic ${Buffer.from(`${JIRA_EMAIL}:${JIRA_TOKEN}`).toString("base64")}`;
    const version = path.startsWith("/rest/api/3/") ? 3 : 2;
    if (headers.authorization !== (version === 3 ? basic : `Bearer ${JIRA_PAT}`)) return { status: 401, body: "no" };
    const rest = path.slice("/rest/api/3".length);
    if (rest === (version === 3 ? "/search/jql" : "/search")) {
      const label = /labels = "([^"]+)"/.exec(body.jql)?.[1];
      const found = issues.filter(({ fields, status }) => status !== "Done" && fields.labels.includes(label));
      return { body: { issues: found.slice(-1).map(({ key }) => ({ id: "1", key })) } };
    }
    if (rest === "/issue") {
      const key = `${body.fields.project.key}-${issues.length + 1}`;
      issues.push({ key, fields: body.fields, comments: [], status: "To Do" });
      return { status: 201, body: { id: "10000", key } };
    }
    const [, key, what] = /^\/issue\/([^/]+)\/(\w+)$/.exec(rest) ?? [];
    const issue = issues.find((one) => one.key === key);
    if (!issue) return { status: 404, body: { errorMessages: ["Issue does not exist"] } };
    if (what === "comment") {
      issue.comments.push(body.body);
      return { status: 201, body: { id: "1" } };
    }
    if (what === "transitions" && method === "GET") {
      return {
        body: { transitions: issue.status === "Done" ? [] : [{ id: "31", name: "Close", to: { name: "Done" } }] },
      };
    }
    if (what === "transitions" && body.transition.id === "31") issue.status = "Done";
    return { status: 204 };
  }

  function alertmanager({ body }: VendorRequest): Reply {
    for (const alert of body) alerts.set(JSON.stringify(Object.entries(alert.labels).sort()), alert);
    return {};
  }

  function webhook(request: VendorRequest): Reply {
    received.push(request);
    return {};
  }

  const vendors: { readonly [vendor in Vendor]: (request: VendorRequest) => Reply } = {
    pagerDuty,
    slack,
    jira,
    webhook,
    alertmanager,
  };

  function vendorOf(path: string): Vendor {
    if (path === "/v2/enqueue") return "pagerDuty";
    if (path.startsWith("/rest/api/")) return "jira";
    if (path === "/api/v2/alerts") return "alertmanager";
    return path.startsWith("/services/") || path.startsWith("/api/") ? "slack" : "webhook";
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = incoming.url ?? "/";
    const vendor = vendorOf(path);
    const body = text === "" ? undefined : JSON.parse(text);
    const request = { vendor, method: incoming.method ?? "", path, headers: incoming.headers, text, body };
    requests.push(request);
    const fault = scripts.get(vendor)?.shift() ?? constant.get(vendor) ?? "ok";
    if (fault === "hang") return;
    if (fault === "reset") return void incoming.socket.resetAndDestroy();
    const reply = typeof fault === "object" ? fault : vendors[vendor](request);
    if (fault === "lost") return void incoming.socket.resetAndDestroy();
    if (typeof fault === "object" && fault.retryAfter !== undefined)
      response.setHeader("retry-after", fault.retryAfter);
    const answer =
      reply.body === undefined ? "" : typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
    response.writeHead(reply.status ?? 200, { "content-type": "application/json" }).end(answer);
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.on("connection", (socket) => {
    sockets.add(socket.unref());
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.unref().address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.ref().close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });

  return {
    requests,
    pagerDuty: { url: `${url}/v2/enqueue`, routingKey: ROUTING_KEY, incidents },
    slack: { apiUrl: `${url}/api`, webhookUrl: `${url}${SLACK_PATH}`, token: SLACK_TOKEN, posts },
    jira: { url, email: JIRA_EMAIL, token: JIRA_TOKEN, personalToken: JIRA_PAT, issues },
    webhook: { url: `${url}/hook`, received },
    alertmanager: { url, alerts },
    script: (vendor, ...faults) => void scripts.set(vendor, [...(scripts.get(vendor) ?? []), ...faults]),
    always: (vendor, fault) => void (fault === undefined ? constant.delete(vendor) : constant.set(vendor, fault)),
    of: (vendor) => requests.filter((request) => request.vendor === vendor),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Mail without SMTP: what a transport of nodemailer's would be given. */
export function mailbox(): { transport: { sendMail(mail: any): Promise<unknown> }; mails: any[] } {
  const mails: any[] = [];
  return { mails, transport: { sendMail: async (mail) => mails.push(mail) } };
}
