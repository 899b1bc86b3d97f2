/** Wrong input is said in one line; nothing is measured then. */
export class UsageError extends Error {}
