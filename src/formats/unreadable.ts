/** Why one span, event or observation becomes no record; the others of its batch do. */
export class Unreadable extends Error {}
