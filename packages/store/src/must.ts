export const divisionByZero = '22012';

/**
 * A writing statement that has to return just so many rows: else the whole message it is part of fails, with a
 * division by zero, and nothing of it is written.
 */
export function must(write: string, rows: number): string {
  return `with written as (${write}) select 1 / (count(*) = ${rows})::int from written`;
}
