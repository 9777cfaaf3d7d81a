/**
 * The one place that turns values into SQL text for the journal. String constants are of the standard form
 * (`standard_conforming_strings` is asserted at connect): only the quote is special.
 */

const quotes = /'/g;

/** @throws TypeError for U+0000, which would end the message: an error of the protocol that blames no row. */
export function text(value: string | null): string {
  if (value === null) return 'null';
  if (value.includes('\0')) throw new TypeError('PostgreSQL cannot store U+0000');
  return `'${value.replace(quotes, "''")}'`;
}

/** @throws TypeError for anything but a safe integer or null. */
export function integer(value: number | null): string {
  if (value === null) return 'null';
  if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`);
  return String(value);
}

/** Checked, not escaped. @throws TypeError */
export function uuid(id: string): string {
  if (!isUuid(id)) throw new TypeError('not a UUID');
  return `'${id}'::uuid`;
}

/** `'{…}'::uuid[]`, for `= any(…)`. @throws TypeError */
export function uuidArray(ids: readonly string[]): string {
  for (const id of ids) if (!isUuid(id)) throw new TypeError('not a UUID');
  return `'{${ids.join(',')}}'::uuid[]`;
}

export function textArray(values: readonly string[]): string {
  return text(`{${values.map((value) => `"${value.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`);
}

/** `values (…), (…)`: cheaper than unnest of arrays for any number of rows, on both sides of the wire. */
export function valuesOf<Row>(rows: readonly Row[], columns: (row: Row) => readonly string[]): string {
  return `values ${rows.map((row) => `(${columns(row).join(',')})`).join(',')}`;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(id: string): boolean {
  return uuidPattern.test(id);
}
