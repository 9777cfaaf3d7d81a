import type { Command } from '@waybill/engine';
import type { ClaimedRun, InboxRow } from '@waybill/store';
import type { DispatcherStore } from './dispatcher-store.ts';
import type { OwnedRun, OwnedRuns } from './owned-runs.ts';
import type { RunDriver } from './run-driver.ts';
import { refusalOf, withinState } from './state-room.ts';

export interface InboxReaderOptions {
  readonly store: DispatcherStore;
  readonly me: string;
  readonly runs: OwnedRuns;
  readonly runStateBytesMax: number;
  readonly load: (owned: readonly ClaimedRun[]) => Promise<void>;
  readonly remove: (driver: RunDriver) => void;
  readonly onCrash: (driver: RunDriver, error: unknown) => void;
}

const batchMax = 500;

/** What an api may leave in the inbox. */
type OutsideCommand = Extract<Command, { readonly commandId: string }>;

/** Applies commands from outside to the runs that are driven here. */
export class InboxReader {
  readonly #options: InboxReaderOptions;

  constructor(options: InboxReaderOptions) {
    this.#options = options;
  }

  /** Answers how many commands there were. */
  async read(): Promise<number> {
    const { store, me, runs, load } = this.#options;
    const rows = await store.readInbox(me, batchMax);
    const repeats = rows.filter((row) => this.#isRepeat(row));
    for (const row of rows) this.#command(row);
    if (repeats.length > 0) await this.#dropRepeats(repeats);
    const unknown = rows.filter(({ runUuid }) => !runs.has(runUuid)).map(({ runUuid }) => runUuid);
    // One that was reopened as it left is still ours, and nobody drives it.
    if (unknown.length > 0) await load(await store.ownedRuns(me, unknown));
    return rows.length;
  }

  /** Answered durably, and here again: it was repeated when its row had gone already. */
  #isRepeat({ runUuid, id }: InboxRow): boolean {
    const run = this.#options.runs.get(runUuid);
    return run !== undefined && run.unsettled === 0 && run.driver.hasAnswered(id);
  }

  /** A run that was in memory for such a command alone goes with it. */
  async #dropRepeats(repeats: readonly InboxRow[]): Promise<void> {
    const { store, me, runs, remove } = this.#options;
    await store.deleteCommands(repeats);
    const drivers = new Map<string, RunDriver>();
    for (const { runUuid } of repeats) {
      const run = runs.get(runUuid);
      // With an entry on its way, that one says whether the run leaves.
      if (run?.driver.state.phase === 'done' && run.unsettled === 0) drivers.set(runUuid, run.driver);
    }
    if (drivers.size === 0) return;
    const done = [...drivers.values()].map(({ runUuid, seq }) => ({ runUuid, seq }));
    for (const uuid of await store.deleteDoneRuns(me, done)) remove(drivers.get(uuid)!);
  }

  #command(row: InboxRow): void {
    const run = this.#options.runs.get(row.runUuid);
    // Being loaded, or on its way out: the row is read again, or goes with the run.
    if (!run) return;
    try {
      this.#apply(run, row);
    } catch (error) {
      this.#options.onCrash(run.driver, error);
    }
  }

  #apply(run: OwnedRun, row: InboxRow): void {
    const { driver } = run;
    // Written by an api of ours, checked there.
    const command = { ...(JSON.parse(row.command) as object), commandId: row.id } as OutsideCommand;
    const { runStateBytesMax } = this.#options;
    if (command.type === 'callback') {
      const outcome = withinState(command.outcome, run, runStateBytesMax);
      driver.applyCallback(row, { ...command, outcome });
    } else if (command.type !== 'cancel') {
      driver.applyFromInbox(row, command, refusalOf(command, row.command.length, run, runStateBytesMax));
    } else driver.applyFromInbox(row, { ...command, compensate: command.compensate !== false });
  }
}
