import type { Database } from './harness.ts';

/** What PostgreSQL did for a statement, and how many pages it looked at. */
export async function explainAnalyze(
  sql: Database,
  statement: string,
): Promise<{ readonly plan: string; readonly pages: number }> {
  const rows = await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain (analyze, buffers) ${statement}`);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  // The first line of buffers is that of all.
  const pages = [.../Buffers: .*/.exec(plan)![0].matchAll(/(?:hit|read)=(\d+)/g)];
  return { plan, pages: pages.reduce((sum, [, n]) => sum + Number(n), 0) };
}

/** The statement as it is sent, with its parameters put in. */
export function withParameters(query: string, parameters: readonly unknown[]): string {
  return query.replace(/\$(\d+)/g, (_, n) => `'${parameters[Number(n) - 1]}'`);
}
