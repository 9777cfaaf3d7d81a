/**
 * The one place that turns values into SQL text. Every literal is an array for `unnest`, in a string
 * constant of the standard form (`standard_conforming_strings` is asserted at connect).
 */

const specials = /[\\"]/g;
const quotes = /'/g;

/** `'{…}'::uuid[]`. The ids must be UUIDs: they are checked, not escaped. */
export function uuidArray(ids: readonly string[]): string {
  for (const id of ids) if (!isUuid(id)) throw new TypeError('not a UUID');
  return `'{${ids.join(',')}}'::uuid[]`;
}

/** Numbers must be safe integers. */
export function intArray(values: readonly (number | null)[], type: 'int' | 'bigint'): string {
  for (const value of values) {
    if (value !== null && !Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`);
  }
  return `'{${values.map((value) => value ?? 'NULL').join(',')}}'::${type}[]`;
}

/** Any text without U+0000, which PostgreSQL cannot store. */
export function textArray(values: readonly (string | null)[]): string {
  let out = "'{";
  for (let i = 0; i < values.length; i++) {
    if (i > 0) out += ',';
    const value = values[i]!;
    out += value === null ? 'NULL' : quoteElement(value);
  }
  return `${out}}'::text[]`;
}

function quoteElement(value: string): string {
  return `"${value.replace(specials, '\\$&').replace(quotes, "''")}"`;
}

export function uuid(id: string): string {
  if (!isUuid(id)) throw new TypeError('not a UUID');
  return `'${id}'::uuid`;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
