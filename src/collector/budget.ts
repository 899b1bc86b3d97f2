/** How many bytes may be in use at once, by whoever. */
export interface Budget {
  readonly used: number;
  share(): Share;
}

/** What one request has of it. */
export interface Share {
  take(bytes: number): boolean;
  /** Gives back all that it has. */
  end(): void;
}

export function createBudget(limit: number): Budget {
  let used = 0;
  return {
    get used() {
      return used;
    },
    share() {
      let taken = 0;
      return {
        take(bytes) {
          if (used + bytes > limit) return false;
          used += bytes;
          taken += bytes;
          return true;
        },
        end() {
          used -= taken;
          taken = 0;
        },
      };
    },
  };
}
