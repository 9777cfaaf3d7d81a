import { z } from '@hono/zod-openapi';
import { settingText } from '@waybill/protocol';
import type { ListPlace } from '@waybill/store';

export const pageQuery = { limit: z.coerce.number().int().min(1).max(100).default(25) };

/** What a list gave as `nextCursor`, read; null is what it never gave. */
export function cursorBy<Place>(read: (text: string) => Place | null) {
  return z
    .string()
    .transform((text, context) => {
      const place = text.length > cursorCharsMax ? null : read(text);
      if (place !== null) return place;
      context.addIssue('is no cursor of this list: send the nextCursor of the page before');
      return z.NEVER;
    })
    .optional()
    .openapi({ type: 'string' });
}

/** The longest place in base64: 2,048 characters of up to 3 bytes. */
const cursorCharsMax = 9000;

/** A number that stands for itself. */
export function numberCursor({ min, max }: { readonly min: number; readonly max: number }) {
  return cursorBy((text) => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    return number >= min && number <= max ? number : null;
  });
}

const place = z.tuple([z.int().min(0), settingText({ min: 1, max: 2048 })]);

export function placeText({ atMicros, name }: ListPlace): string {
  return Buffer.from(JSON.stringify([atMicros, name])).toString('base64url');
}

export const placeCursor = cursorBy((text): ListPlace | null => {
  const { data } = place.safeParse(jsonIn(text));
  return data === undefined ? null : { atMicros: data[0], name: data[1] };
});

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}

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
