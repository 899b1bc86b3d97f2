import type { Connection } from "./connection.ts";

/** What a span is grouped by, apart from its user; `""` for what it lacks. In the order of the table's columns. */
export type Dim = readonly [
  name: string,
  type: string,
  model: string,
  provider: string,
  feature: string,
  team: string,
  environment: string,
  status: string,
  errorType: string,
];

/** The numbers that stand for texts which come again and again. */
export interface Vocabulary {
  project(name: string): number;
  dim(project: number, dim: Dim): number;
  term(project: number, field: string, value: string): number;
  /** After a transaction that was not kept: what it had added is not there. */
  forget(): void;
}

/** Beyond it the memory is begun anew: values that are never the same must not fill the heap. */
const MAX_REMEMBERED = 50_000;

export function createVocabulary({ prepare }: Connection): Vocabulary {
  const projects = new Map<string, number>();
  const dims = new Map<string, number>();
  const terms = new Map<string, number>();

  function remembered(known: Map<string, number>, key: string, find: () => number): number {
    const id = known.get(key);
    if (id !== undefined) return id;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const found = find();
    known.set(key, found);
    return found;
  }

  return {
    project(name) {
      return remembered(projects, name, () => {
        const row = prepare("SELECT id FROM projects WHERE name = ?").get(name);
        return row?.id ?? Number(prepare("INSERT INTO projects (name) VALUES (?)").run(name).lastInsertRowid);
      });
    },
    dim(project, dim) {
      return remembered(dims, `${project}\n${dim.join("\n")}`, () => {
        const row = prepare(
          `SELECT id FROM dims WHERE project = ? AND name = ? AND type = ? AND model = ? AND provider = ?
            AND feature = ? AND team = ? AND environment = ? AND status = ? AND error_type = ?`,
        ).get(project, ...dim);
        if (row) return row.id;
        const insert = prepare(
          `INSERT INTO dims (project, name, type, model, provider, feature, team, environment, status, error_type)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        );
        return Number(insert.run(project, ...dim).lastInsertRowid);
      });
    },
    term(project, field, value) {
      return remembered(terms, `${project}\n${field}\n${value}`, () => {
        const row = prepare("SELECT id FROM terms WHERE project = ? AND field = ? AND value = ?").get(
          project,
          field,
          value,
        );
        if (row) return row.id;
        const insert = prepare("INSERT INTO terms (project, field, value, folded) VALUES (?, ?, ?, ?)");
        return Number(insert.run(project, field, value, value.toLowerCase()).lastInsertRowid);
      });
    },
    forget() {
      for (const known of [projects, dims, terms]) known.clear();
    },
  };
}
