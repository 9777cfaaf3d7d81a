import { z } from '@hono/zod-openapi';
import { settingText } from '@waybill/protocol';

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(25),
  cursor: settingText({ min: 1, max: 256 }).optional(),
};

/** One more row than asked for says whether there is a next page. */
export function page<Row, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
  cursorOf: (row: Row) => string,
): { data: View[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? cursorOf(last) : null;
  return { data: shown.map(view), nextCursor };
}
