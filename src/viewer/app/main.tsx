import { render } from "preact";
import "./theme.css";
import { App } from "./app.tsx";
import { initTheme } from "./theme.ts";
import { initToken } from "./token.ts";

initToken();
initTheme();
render(<App />, document.getElementById("app")!);
