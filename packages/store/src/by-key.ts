import { uuid } from './literals.ts';

/**
 * Conditions on the owner of queue rows that are found by their key, in a form that no index answers. While somebody
 * holds an old snapshot, vacuum tells the planner that the queue is tiny, though all that ever was in it still lies
 * there: then the index of what is free, or owned, seems as good as the key, and walks over all of it. What it costs
 * follows the keys, also where an index of owners would find fewer rows.
 */
export const isFree = 'num_nulls(owner) = 1';

const nobody = "'00000000-0000-0000-0000-000000000000'::uuid";

export function isOwnedBy(owner: string): string {
  return `coalesce(owner, ${nobody}) = ${uuid(owner)}`;
}

/**
 * Commands whose runs one look finds by key, the oldest first. Most of a long inbox may be for runs that have owners, who
 * take them out; then others are the oldest.
 */
export const commandKeysMax = 5000;
