/** What was looked at, how it is, and where it is not well, what to do. */
export interface Check {
  readonly state: "ok" | "warning" | "problem";
  readonly about: string;
  readonly said: string;
  readonly way?: string;
}

export function ok(about: string, said: string): Check {
  return { state: "ok", about, said };
}

export function warning(about: string, said: string, way: string): Check {
  return { state: "warning", about, said, way };
}

export function problem(about: string, said: string, way: string): Check {
  return { state: "problem", about, said, way };
}
