import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer } from "./answer.ts";
import { Refusal } from "./refusal.ts";

/** A request that may come in. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the question mark. */
  readonly query: string;
  /** What stands where the route's path has `:`, as it was sent. */
  readonly ids: readonly string[];
  /** Of the token, for routes that take records. */
  readonly project: string;
}

export interface Route {
  /** In figures. */
  readonly name: string;
  /** `/api/traces/:/spans`: a segment `:` takes any. */
  readonly path: string;
  readonly method: "GET" | "POST";
  /** Whose token is asked for. */
  readonly access: "everyone" | "viewer" | "sender";
  /** `undefined`: it has answered by itself. */
  handle(call: Call): Promise<Answer | undefined>;
  /** How a refusal is told where senders expect a form of their own. */
  refuse?(refusal: Refusal, request: IncomingMessage): Answer;
}

export interface Found {
  readonly route: Route;
  readonly ids: readonly string[];
}

/** @throws Refusal 404, or 405 for a path that takes another method */
export function findRoute(routes: readonly Route[], method: string, path: string): Found {
  const segments = path.split("/");
  const fitting = routes.filter((route) => fits(route.path.split("/"), segments));
  const asked = method === "HEAD" ? "GET" : method;
  const route = fitting.find((each) => each.method === asked);
  if (route !== undefined) {
    const names = route.path.split("/");
    return { route, ids: segments.filter((_, i) => names[i] === ":") };
  }
  if (fitting.length === 0) throw new Refusal(404, "NOT_FOUND", "There is nothing at this address.");
  const methods = fitting.map((each) => (each.method === "GET" ? "GET, HEAD" : each.method)).join(", ");
  throw new Refusal(405, "BAD_METHOD", `This address takes ${methods}.`, { allow: methods });
}

function fits(route: readonly string[], path: readonly string[]): boolean {
  return route.length === path.length && route.every((name, i) => name === path[i] || (name === ":" && path[i] !== ""));
}
