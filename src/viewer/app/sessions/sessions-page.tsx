import { route } from "../router.ts";
import { SessionList } from "./session-list.tsx";
import { SessionView } from "./session-view.tsx";
import "./sessions.css";

/** `#/sessions`, `#/sessions/<id>`. */
export function SessionsPage() {
  const sessionId = route.value.parts[0];
  return sessionId === undefined ? <SessionList /> : <SessionView key={sessionId} sessionId={sessionId} />;
}
