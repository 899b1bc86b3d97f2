import { responsesLanding } from "./background.ts";
import type { Endpoint, Exchange, Landing } from "./exchange.ts";
import { runsLanding } from "./runs.ts";

/** Where what an exchange brings belongs to, when that lives longer than the exchange; `undefined` for all others. */
export function landingOf(endpoint: Endpoint, exchange: Exchange): Landing | undefined {
  switch (endpoint.kind) {
    case "run.create":
    case "run.retrieve":
    case "run.submit":
    case "run.cancel":
    case "run.update":
    case "step.list":
    case "step.retrieve":
    case "message.create":
    case "message.list":
    case "message.retrieve":
    case "assistant.create":
    case "assistant.retrieve":
      return runsLanding;
    case "response.retrieve":
    case "response.cancel":
      return responsesLanding;
    default:
      // Its messages are the input of the thread's runs.
      return endpoint.route === "/threads" && exchange.method === "POST" ? runsLanding : undefined;
  }
}
