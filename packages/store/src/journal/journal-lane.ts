import type { NumberedEntry } from './batch.ts';
import { Lane } from './lane.ts';
import { buildMessage, presenceMessage } from './message.ts';

/**
 * What carries the flushes of a journal, one at a time. Here lies the seam between the journal, which knows batches,
 * and the database: PostgreSQL below, a model of it in the simulation.
 */
export interface JournalLane {
  /**
   * All of the batch or nothing, under the lease of `ownerUuid` unless that is null.
   * @throws what the database answered: nothing took effect; `diagnose` says what to do.
   * @throws OutcomeUnknownError when no answer came.
   */
  commit(batch: readonly NumberedEntry[], ownerUuid: string | null): Promise<void>;
  /** How many events of the batch are in the journals, just as it has them. Throws as `commit` does. */
  countPresent(batch: readonly NumberedEntry[]): Promise<number>;
  close(): Promise<void>;
}

export type OpenLane = (name: string) => JournalLane;

/** A message without an answer for this long counts as lost. */
const answerTimeoutMsDefault = 10_000;

/** Lanes on connections of their own to this database. */
export function postgresLanes(databaseUrl: string, answerTimeoutMs = answerTimeoutMsDefault): OpenLane {
  return (name) => {
    const lane = new Lane({ databaseUrl, name, answerTimeoutMs });
    return {
      // Built within the call: what our own literals refuse is a data error like any other.
      commit: async (batch, ownerUuid) => lane.send(buildMessage(batch, { ownerUuid })),
      async countPresent(batch) {
        const [row] = await lane.query<{ present: number }>(presenceMessage(batch));
        return row!.present;
      },
      close: () => lane.close(),
    };
  };
}
