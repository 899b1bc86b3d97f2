/** `package.json` as it is published. */
export function published(manifest: any): any;
