import postgres from 'postgres';

/** What the tests see of the database themselves, past the API. */
export type TestSql = postgres.Sql<{ bigint: number }>;

export function connectDatabase(url: string): TestSql {
  return postgres(url, {
    max: 2,
    onnotice: () => {},
    connection: { application_name: 'test' },
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}
