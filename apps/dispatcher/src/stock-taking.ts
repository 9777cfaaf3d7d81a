import type { ClaimedRun } from '@waybill/store';
import type { DispatcherStore } from './dispatcher-store.ts';
import type { Log } from './log.ts';
import type { OwnedRun, OwnedRuns } from './owned-runs.ts';
import type { RunDriver } from './run-driver.ts';

export interface StockTakingOptions {
  readonly store: Pick<DispatcherStore, 'ownedRuns' | 'deleteDoneRuns'>;
  readonly me: string;
  readonly runs: OwnedRuns;
  readonly log: Log;
  readonly remove: (driver: RunDriver) => void;
}

/**
 * Compares what is driven with what is owned. A run that is driven and not owned is a ghost: its row was taken away
 * under us, and whoever has it now drives it too. One that is done and still in the queue was put back by a command
 * that has been answered before. Answers what is owned, and not done.
 */
export async function takeStock(options: StockTakingOptions): Promise<ClaimedRun[]> {
  const { store, me, runs, log, remove } = options;
  // Those with rows on their way may be owned by these very rows, or not any more.
  const settled = [...runs].filter((run) => run.unsettled === 0);
  const owned = await store.ownedRuns(me);
  const mine = new Set(owned.map(({ runUuid }) => runUuid));
  const isStillSo = (run: OwnedRun) => runs.get(run.driver.runUuid) === run && run.unsettled === 0;
  const ghosts = settled.filter((run) => isStillSo(run) && !mine.has(run.driver.runUuid));
  for (const { driver } of ghosts) remove(driver);
  if (ghosts.length > 0) log.warn({ runs: ghosts.length }, 'let go of runs that are not owned');
  const done = settled.filter((run) => isStillSo(run) && run.driver.state.phase === 'done');
  const gone = done.length > 0 ? await dismiss(options, done, isStillSo) : none;
  return owned.filter(({ runUuid }) => !gone.has(runUuid));
}

async function dismiss(
  { store, me, remove }: StockTakingOptions,
  done: readonly OwnedRun[],
  isStillSo: (run: OwnedRun) => boolean,
): Promise<ReadonlySet<string>> {
  const gone = new Set(
    await store.deleteDoneRuns(
      me,
      done.map(({ driver: { runUuid, seq } }) => ({ runUuid, seq })),
    ),
  );
  for (const run of done) if (gone.has(run.driver.runUuid) && isStillSo(run)) remove(run.driver);
  return gone;
}

const none: ReadonlySet<string> = new Set();
