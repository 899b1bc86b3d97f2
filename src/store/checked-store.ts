import { checkIds, checkQuery } from "./check-query.ts";
import { checkRecords } from "./check-records.ts";
import type { TraceStore } from "./trace-store.ts";

/** The door of every store: what makes no sense is refused the same way, and goes no further. */
export function checkedStore(store: TraceStore): TraceStore {
  return {
    ...store,

    async append(records, options = {}) {
      checkRecords(records);
      checkQuery("append", options);
      return store.append(records, options);
    },

    async traces(query = {}) {
      checkQuery("traces", query);
      return store.traces(query);
    },

    async trace(traceId, options = {}) {
      checkIds("trace", { traceId });
      checkQuery("trace", options);
      return store.trace(traceId, options);
    },

    async spans(traceId, options = {}) {
      checkIds("spans", { traceId });
      checkQuery("spans", options);
      return store.spans(traceId, options);
    },

    async span(traceId, spanId, options = {}) {
      checkIds("span", { traceId, spanId });
      checkQuery("span", options);
      return store.span(traceId, spanId, options);
    },

    async aggregate(query) {
      checkQuery("aggregate", query);
      return store.aggregate(query);
    },

    async sessions(query = {}) {
      checkQuery("sessions", query);
      return store.sessions(query);
    },

    async values(query) {
      checkQuery("values", query);
      return store.values(query);
    },

    async revision(options = {}) {
      checkQuery("revision", options);
      return store.revision(options);
    },

    async stats(options = {}) {
      checkQuery("stats", options);
      return store.stats(options);
    },

    async prune(options) {
      checkQuery("prune", options);
      return store.prune(options);
    },

    async sql(statement, options = {}) {
      checkQuery("sql", options);
      return store.sql(statement, options);
    },
  };
}
