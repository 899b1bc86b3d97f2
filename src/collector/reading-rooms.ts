/** Where a body is put together: memory that is used again, with nobody else in it meanwhile. */
export interface Room {
  bytes: Buffer;
}

/** So many bodies are read at a time, by turns; the others wait as they came, which takes a tenth of the memory. */
const ROOMS = 4;
/** A larger one is not kept: few senders need it. */
const MAX_KEPT = 2 * 1024 ** 2;

/** Runs what reads a body in a room, as soon as one is free; first come, first served. */
export type InRoom = <T>(read: (room: Room) => Promise<T>) => Promise<T>;

export function createReadingRooms(): InRoom {
  const free: Room[] = Array.from({ length: ROOMS }, () => ({ bytes: Buffer.alloc(0) }));
  const waiting: ((room: Room) => void)[] = [];
  return async (read) => {
    const room = free.pop() ?? (await new Promise<Room>((resolve) => void waiting.push(resolve)));
    try {
      return await read(room);
    } finally {
      if (room.bytes.length > MAX_KEPT) room.bytes = Buffer.alloc(0);
      const next = waiting.shift();
      if (next) next(room);
      else free.push(room);
    }
  };
}
