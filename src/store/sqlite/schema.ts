/** Says that a file is one of our stores: `Sltr`. */
export const APPLICATION_ID = 0x536c7472;

/**
 * What each version adds to the one before; a store's `user_version` is how many of them it has. Never edited once
 * released: a change is one more entry.
 *
 * - `span_rows.id` is its chunk's id times 64 plus its place in the chunk.
 * - `word_parts` are the parts of the index of words, each of spans whose numbers are next to each other; `span_words` are their rows
 *   (`word-part.ts`): of a part as many as its bits tell apart, from the first on.
 * - `chunks` have the records of spans as compressed lines; beside them, what lists show of their payloads.
 * - `figures` have all that is summed or counted of the spans of 16 chunks, column by column: a scan reads 50 bytes a span.
 * - `dims` are the combinations of what spans are grouped by; few, so a span has their number.
 * - `terms` are the values that traces are found by, `trace_terms` which traces have them, newest first.
 * - `hours` and `days` are the sums over the spans that started in them, column by column, of 512 dims a row.
 * - `peaks` know how much a trace that starts in an hour has cost and lasted at most: others need not be looked through.
 * - `blocks` know the latest start among the spans of 32 chunks: where a search from new to old may stop.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE projects (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL DEFAULT 0,
    spans INTEGER NOT NULL DEFAULT 0, traces INTEGER NOT NULL DEFAULT 0,
    scores INTEGER NOT NULL DEFAULT 0, findings INTEGER NOT NULL DEFAULT 0
  );

  CREATE TABLE chunks (id INTEGER PRIMARY KEY AUTOINCREMENT, codec INTEGER NOT NULL, previews BLOB NOT NULL, lines BLOB NOT NULL);
  CREATE TABLE figures (
    id INTEGER PRIMARY KEY, chunk INTEGER NOT NULL, project INTEGER NOT NULL,
    oldest_us INTEGER NOT NULL, newest_us INTEGER NOT NULL, spans BLOB NOT NULL
  );
  CREATE UNIQUE INDEX figures_by_chunk ON figures (chunk, project);
  CREATE INDEX figures_by_time ON figures (project, newest_us, oldest_us);
  CREATE TABLE blocks (id INTEGER PRIMARY KEY, newest_us INTEGER NOT NULL);

  CREATE TABLE dims (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, type TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
    feature TEXT NOT NULL, team TEXT NOT NULL, environment TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    error_type TEXT NOT NULL,
    UNIQUE (project, name, type, model, provider, feature, team, environment, status, error_type)
  );

  CREATE TABLE span_rows (
    id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, project INTEGER NOT NULL, span_id TEXT NOT NULL,
    parent_span_id TEXT, root TEXT, seq INTEGER NOT NULL, dim INTEGER NOT NULL, user INTEGER,
    start_us INTEGER NOT NULL, duration_ns INTEGER NOT NULL, first_chunk_ns INTEGER, unfinished INTEGER, level TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL,
    http_status INTEGER, error_message TEXT, input_size INTEGER, output_size INTEGER
  );
  CREATE UNIQUE INDEX span_rows_by_id ON span_rows (trace, span_id);
  CREATE INDEX span_rows_in_order ON span_rows (trace, start_us, span_id);
  CREATE TABLE word_parts (
    low INTEGER PRIMARY KEY, high INTEGER NOT NULL, spans INTEGER NOT NULL, gone INTEGER NOT NULL, posts INTEGER NOT NULL,
    first INTEGER NOT NULL, bits INTEGER NOT NULL
  );
  CREATE TABLE span_words (id INTEGER PRIMARY KEY, words BLOB NOT NULL);

  CREATE TABLE traces (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, trace_id TEXT NOT NULL, name TEXT NOT NULL,
    start_us INTEGER NOT NULL, duration_ns INTEGER NOT NULL, status TEXT NOT NULL, root TEXT,
    spans INTEGER NOT NULL, errors INTEGER NOT NULL, models TEXT NOT NULL,
    input_tokens INTEGER, output_tokens INTEGER, cost_usd REAL, unpriced INTEGER NOT NULL,
    user_id TEXT, session_id TEXT, feature TEXT, team TEXT, environment TEXT, release TEXT, tags TEXT, metadata TEXT,
    findings INTEGER NOT NULL, worst_finding TEXT, finding_names TEXT NOT NULL, input_preview TEXT, output_preview TEXT,
    own_name TEXT, lead_us INTEGER NOT NULL, lead_span TEXT NOT NULL, lead_name TEXT NOT NULL,
    root_errors INTEGER NOT NULL, root_open INTEGER NOT NULL,
    last_us INTEGER NOT NULL, last_ns INTEGER NOT NULL, last_seq INTEGER NOT NULL, last_span TEXT NOT NULL,
    terms TEXT NOT NULL
  );
  CREATE UNIQUE INDEX traces_by_id ON traces (project, trace_id);
  CREATE INDEX traces_by_time ON traces (project, start_us, trace_id, duration_ns, cost_usd);

  CREATE TABLE terms (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, folded TEXT NOT NULL,
    traces INTEGER NOT NULL DEFAULT 0
  );
  CREATE UNIQUE INDEX terms_by_value ON terms (project, field, value);
  CREATE INDEX terms_by_prefix ON terms (project, field, folded);
  CREATE INDEX terms_by_traces ON terms (project, field, traces DESC, value);
  CREATE TABLE trace_terms (
    term INTEGER NOT NULL, start_us INTEGER NOT NULL, trace INTEGER NOT NULL,
    PRIMARY KEY (term, start_us DESC, trace)
  ) WITHOUT ROWID;

  CREATE TABLE hours (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, time INTEGER NOT NULL, page INTEGER NOT NULL, sums BLOB NOT NULL
  );
  CREATE UNIQUE INDEX hours_by_time ON hours (project, time, page);

  CREATE TABLE days (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL, time INTEGER NOT NULL, page INTEGER NOT NULL, sums BLOB NOT NULL
  );
  CREATE UNIQUE INDEX days_by_time ON days (project, time, page);

  CREATE TABLE peaks (
    project INTEGER NOT NULL, time INTEGER NOT NULL, cost_usd REAL NOT NULL, duration_ns INTEGER NOT NULL,
    PRIMARY KEY (project, time)
  ) WITHOUT ROWID;

  CREATE TABLE scores (
    project INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, trace_id TEXT, time_us INTEGER NOT NULL,
    name TEXT NOT NULL, value REAL, feature TEXT, team TEXT, user_id TEXT, environment TEXT, line TEXT NOT NULL,
    PRIMARY KEY (project, id)
  );
  CREATE INDEX scores_by_trace ON scores (project, trace_id);
  CREATE INDEX scores_by_time ON scores (project, time_us);

  CREATE TABLE findings (
    project INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, trace_id TEXT, time_us INTEGER NOT NULL,
    name TEXT NOT NULL, severity TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (project, id)
  );
  CREATE INDEX findings_by_trace ON findings (project, trace_id);
  CREATE INDEX findings_by_time ON findings (project, time_us);

  CREATE VIEW spans AS
    SELECT t.trace_id, s.span_id, s.parent_span_id, d.name, d.type, d.status, s.start_us, s.duration_ns,
      s.first_chunk_ns, nullif(d.model, '') AS model, nullif(d.provider, '') AS provider, s.input_tokens,
      s.output_tokens, s.cache_read_tokens, s.reasoning_tokens, s.cost_usd, nullif(d.error_type, '') AS error_type,
      s.error_message, s.http_status, nullif(d.feature, '') AS feature, nullif(d.team, '') AS team,
      nullif(d.environment, '') AS environment, u.value AS user_id, p.name AS project, s.input_size, s.output_size, s.level, s.unfinished, s.seq
    FROM span_rows s JOIN dims d ON d.id = s.dim JOIN traces t ON t.id = s.trace JOIN projects p ON p.id = s.project
      LEFT JOIN terms u ON u.id = s.user;
  `,
];
