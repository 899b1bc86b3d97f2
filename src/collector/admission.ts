import type { IncomingMessage } from "node:http";
import { type CollectorOptions, tokensOf } from "./options.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./routes.ts";
import { tokenBook, tokenOf } from "./tokens.ts";

/** Where records go and what is shown where nothing else is said. */
export const DEFAULT_PROJECT = "default";

/** Gives the project that a request may send to. @throws Refusal 401 */
export type Admit = (route: Pick<Route, "access">, request: IncomingMessage) => string;

/**
 * Who may send, by the tokens of projects, and who may look, by the viewer's. Without projects, whoever reaches a collector
 * on loopback may send; from elsewhere, whoever may look.
 */
export function admission(
  projects: CollectorOptions["projects"],
  viewerToken: string | undefined,
  isReachable: boolean,
): Admit {
  const viewerOf = viewerToken === undefined ? () => DEFAULT_PROJECT : tokenBook([[DEFAULT_PROJECT, viewerToken]]);
  const withoutProjects = isReachable ? viewerOf : () => DEFAULT_PROJECT;
  const senderOf = projects === undefined ? withoutProjects : tokenBook(tokensOf(projects));
  return ({ access }, request) => {
    if (access === "everyone") return DEFAULT_PROJECT;
    const given = tokenOf(request) ?? "";
    const project = access === "sender" ? senderOf(given) : viewerOf(given);
    if (project !== undefined) return project;
    const problem = given === "" ? "A token is needed" : "The token is not known";
    const way = "it goes into the header authorization, as Bearer";
    throw new Refusal(401, "UNAUTHORIZED", `${problem}: ${way}.`, { "www-authenticate": "Bearer" });
  };
}
