/** Writes the viewer into `outdir`; resolves to what it weighs, gzipped, in kilobytes. */
export function buildViewer(outdir?: string): Promise<{ readonly js: number; readonly css: number }>;
