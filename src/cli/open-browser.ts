import { spawn } from "node:child_process";

/** What starts a browser has failed by then, or has one running: some return at once, others stay as long as it does. */
const WAIT_MS = 2_000;

/** Hands an address to the desktop's browser. False where there is none. */
export function openBrowser(url: string): Promise<boolean> {
  const [program, args] = opener(process.platform, url);
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore", detached: true });
    const waiting = setTimeout(resolve, WAIT_MS, true);
    const done = (isOpen: boolean) => {
      clearTimeout(waiting);
      resolve(isOpen);
    };
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0));
    child.unref();
  });
}

/** The program that hands an address to whatever opens it on this platform. */
export function opener(platform: NodeJS.Platform, url: string): readonly [program: string, args: readonly string[]] {
  if (platform === "darwin") return ["open", [url]];
  // To cmd, what follows an ampersand is another command.
  if (platform === "win32") return ["cmd", ["/c", "start", "", url.replaceAll("&", "^&")]];
  return ["xdg-open", [url]];
}
