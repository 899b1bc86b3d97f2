import type { IncomingMessage, ServerResponse } from "node:http";
import { callBack, swallow } from "../core/guard.ts";
import type { Admit } from "./admission.ts";
import type { IsAllowedHost } from "./allowed-hosts.ts";
import { type Answer, refused, write } from "./answer.ts";
import { checkRequest } from "./check-request.ts";
import type { Figures } from "./figures.ts";
import { discard, Gone } from "./receive-body.ts";
import { later, Refusal, refusalOf } from "./refusal.ts";
import { findRoute, type Route } from "./routes.ts";

export interface HandlerOptions {
  readonly routes: readonly Route[];
  readonly isAllowedHost: IsAllowedHost;
  readonly admit: Admit;
  readonly figures: Figures;
  readonly isClosing: () => boolean;
  /** Of a body that nobody wants: more is cut off. */
  readonly discardBytes: number;
  readonly mayZip: boolean;
  readonly log: (line: string) => void;
}

/** The line that every request goes along: checked → routed → admitted → handled → answered. */
export function requestHandler(
  options: HandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { routes, isAllowedHost, admit, figures, isClosing, discardBytes, mayZip, log } = options;

  function unforeseen(error: unknown, request: IncomingMessage): Refusal {
    swallow(error);
    figures.count("unforeseen_total");
    callBack(() => log(`a request failed: ${oneLine(error)}`));
    if (request.method !== "POST") return new Refusal(500, "INTERNAL", "Something went wrong here.");
    return later(503, "INTERNAL", "Something went wrong here; nothing was acknowledged.");
  }

  return async (request, response) => {
    let route: Route | undefined;
    let answer: Answer | undefined;
    try {
      if (isClosing()) throw later(503, "CLOSING", "The server is being closed.");
      const { path, query } = checkRequest(request, isAllowedHost);
      const found = findRoute(routes, request.method ?? "", path);
      route = found.route;
      const project = admit(route, request);
      answer = await route.handle({ request, response, query, ids: found.ids, project });
    } catch (error) {
      if (error instanceof Gone) return figures.count("requests_total", { route: route!.name, status: "gone" });
      const refusal = refusalOf(error) ?? unforeseen(error, request);
      figures.count("refused_total", { code: refusal.code });
      answer = (route?.refuse ?? refused)(refusal, request);
    }
    const status = String(answer?.status ?? response.statusCode);
    figures.count("requests_total", { route: route?.name ?? "none", status });
    if (answer === undefined) return;
    discard(request, discardBytes);
    if (isClosing()) response.setHeader("connection", "close");
    await write(answer, request, response, mayZip);
  };
}

function oneLine(error: unknown): string {
  return String((error as Error)?.message ?? error)
    .replace(/[\s\p{Cc}]+/gu, " ")
    .slice(0, 300);
}
