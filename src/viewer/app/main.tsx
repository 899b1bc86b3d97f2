import { render } from "preact";
import "./theme.css";
import { App } from "./app.tsx";
import { initTheme } from "./theme.ts";
import { initToken } from "./token.ts";
import { showHidden } from "./visible-text.ts";

initToken();
initTheme();
showHidden();
render(<App />, document.getElementById("app")!);
