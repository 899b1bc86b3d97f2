import { ConfigError } from "../../core/errors.ts";
import { type Alert, SEVERITIES, type Severity } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";

/** Who is told of what, as data. The first route that fits is taken, and the next ones too after `continue`. */
export interface Route {
  /** Default: all. */
  readonly severities?: readonly Severity[];
  /** Labels or facts that the notification, or one of its alerts, must have: `{ feature: "checkout" }`. */
  readonly match?: { readonly [name: string]: string };
  /** Names of groups of channels. None: nobody is told. */
  readonly to: string | readonly string[];
  /** Looks on after this route. Default: false. */
  readonly continue?: boolean;
}

/** The course's table: SEV1 and SEV2 page somebody at once, SEV3 tells the team, SEV4 is a mail or a ticket. */
export const defaultRoutes: readonly Route[] = [
  { severities: ["sev1", "sev2"], to: "page" },
  { severities: ["sev3"], to: "team" },
  { severities: ["sev4"], to: "ticket" },
];

/** Where a group is not there, the default routes go to the next one. Nothing that was no page becomes one. */
const INSTEAD: { readonly [group: string]: readonly string[] } = {
  page: ["page", "team", "ticket"],
  team: ["team", "ticket"],
  ticket: ["ticket", "team"],
};

/** Gives the groups that are to be told of a notification. */
export type Router = (notification: Notification) => ReadonlySet<string>;

/** @throws ConfigError for routes that lead nowhere, and for groups that no route leads to */
export function router(groups: readonly string[], routes: readonly Route[] | undefined): Router {
  const known = new Set(groups);
  const all = routes === undefined ? defaultRoutes.map((route) => redirected(route, known)) : routes;
  for (const route of all) check(route, known, routes !== undefined);
  const unused = groups.filter((group) => !all.some((route) => targets(route).includes(group)));
  if (unused.length > 0) {
    const way = routes === undefined ? "call it page, team or ticket, or give routes" : "add a route, or leave it out";
    throw new ConfigError("CONFIG_ROUTE", `notifier(): no route leads to channels.${unused[0]}; ${way}.`);
  }
  return (notification) => {
    const found = new Set<string>();
    for (const route of all) {
      if (!fits(route, notification)) continue;
      for (const group of targets(route)) found.add(group);
      if (!route.continue) break;
    }
    return found;
  };
}

function targets({ to }: Route): readonly string[] {
  return typeof to === "string" ? [to] : to;
}

function redirected(route: Route, known: ReadonlySet<string>): Route {
  const group = INSTEAD[route.to as string]!.find((name) => known.has(name));
  return { ...route, to: group === undefined ? [] : group };
}

function check(route: Route, known: ReadonlySet<string>, isOwn: boolean): void {
  const isList = typeof route?.to === "string" || Array.isArray(route?.to);
  if (!isList) {
    throw new ConfigError("CONFIG_ROUTE", `notifier(): a route needs "to", the name of a group of channels.`);
  }
  const severity = route.severities?.find((name) => !SEVERITIES.includes(name));
  if (severity !== undefined) {
    const way = `it is one of ${SEVERITIES.join(", ")}`;
    throw new ConfigError("CONFIG_ROUTE", `notifier(): a route has the severity ${JSON.stringify(severity)}; ${way}.`);
  }
  const missing = targets(route).find((group) => !known.has(group));
  if (isOwn && missing !== undefined) {
    const have = [...known].join(", ");
    throw new ConfigError("CONFIG_ROUTE", `notifier(): a route leads to "${missing}"; there is ${have}.`);
  }
}

function fits(route: Route, notification: Notification): boolean {
  if (route.severities !== undefined && !route.severities.includes(notification.severity)) return false;
  const wanted = Object.entries(route.match ?? {});
  if (wanted.every(([name, value]) => notification.facts[name] === value)) return true;
  return notification.alerts.some((alert) => wanted.every(([name, value]) => labelOf(alert, name) === value));
}

function labelOf(alert: Alert, name: string): string | undefined {
  return alert.labels[name] ?? alert.rule.labels?.[name];
}
