import { initial } from './0001-initial.ts';
import { suspects } from './0002-suspects.ts';
import { reopening } from './0003-reopening.ts';
import { goneEndpoints } from './0004-gone-endpoints.ts';
import { recentCommands } from './0005-recent-commands.ts';
import { schedules } from './0006-schedules.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** In order; a released one is never edited. Expand first, contract a release later. */
export const migrations: readonly Migration[] = [
  { version: 1, name: 'initial', sql: initial },
  { version: 2, name: 'suspects', sql: suspects },
  { version: 3, name: 'reopening', sql: reopening },
  { version: 4, name: 'gone endpoints', sql: goneEndpoints },
  { version: 5, name: 'recent commands', sql: recentCommands },
  { version: 6, name: 'schedules', sql: schedules },
];
