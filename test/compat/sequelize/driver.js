/** What Sequelize asks of the `sqlite3` package, by a driver that answers a moment later and remembers who asked. */
export function driver(namespace) {
  const log = [];
  let connections = 0;
  class Database {
    constructor(_path, _flags, opened) {
      this.id = ++connections;
      setImmediate(opened, null);
    }
    serialize(fn) {
      fn();
    }
    run(sql, ...rest) {
      return this.#answer(sql, rest, { lastID: 1, changes: 1 }, []);
    }
    all(sql, ...rest) {
      return this.#answer(sql, rest, {}, [null, [{ id: 1, name: "x" }]]);
    }
    close(closed) {
      if (closed) setImmediate(closed, null);
    }
    #answer(sql, rest, self, result) {
      const callback = rest.find((each) => typeof each === "function");
      setImmediate(() => {
        log.push({ connection: this.id, user: namespace.get("user"), sql });
        callback?.apply(self, result.length > 0 ? result : [null]);
      });
      return this;
    }
  }
  return { log, Database, OPEN_READWRITE: 2, OPEN_CREATE: 4, OPEN_FULLMUTEX: 8 };
}
