/** Writes the viewer into `outdir` (default `dist/viewer`), which it empties first. Rejects above the budget. */
export function buildViewer(outdir?: string): Promise<{ readonly js: number; readonly css: number }>;
