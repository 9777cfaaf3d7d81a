import { freshStateBytes } from '@waybill/protocol';
import {
  type ClaimedRun,
  type DoneRun,
  failpoint,
  type RunRow,
  type StoredEvent,
  suspectClaims,
} from '@waybill/store';
import type { DispatcherDeps } from './dispatcher.ts';
import type { DriverContext } from './driver-context.ts';
import { infoOf } from './driver-info.ts';
import type { Quarantine } from './driver-types.ts';
import { bytesKept } from './entry-bytes.ts';
import type { OwnedRuns } from './owned-runs.ts';
import { RunDriver } from './run-driver.ts';
import { stateTooLarge } from './state-room.ts';

export interface RunLoaderOptions {
  readonly deps: Pick<DispatcherDeps, 'store' | 'projects' | 'log' | 'limits' | 'clock'>;
  readonly me: string;
  readonly runs: OwnedRuns;
  readonly context: DriverContext;
  readonly isEnded: () => boolean;
}

/** What is read at once: as text and as rows, a journal takes several times what its state does. */
const chunkBytesMax = 8 * 1024 * 1024;
const chunkRunsMax = 200;

const killedItsOwners: Quarantine = {
  code: 'dispatcher_killed',
  message: 'three dispatchers in a row died while they drove this run',
};

/** Puts owned runs into memory: folds their journals and has their drivers take up what is left to do. */
export class RunLoader {
  readonly #options: RunLoaderOptions;
  readonly #loading = new Set<string>();

  constructor(options: RunLoaderOptions) {
    this.#options = options;
  }

  async load(owned: readonly ClaimedRun[], quarantine: Quarantine | null = null): Promise<void> {
    const { runs } = this.#options;
    // A claim's answer and a look at what is owned may name the same run at once.
    const wanted = owned.filter(({ runUuid }) => !runs.has(runUuid) && !this.#loading.has(runUuid));
    for (const { runUuid } of wanted) this.#loading.add(runUuid);
    try {
      for (const chunk of chunksOf(wanted)) await this.#loadChunk(chunk, quarantine);
    } finally {
      for (const { runUuid } of wanted) this.#loading.delete(runUuid);
    }
  }

  async #loadChunk(chunk: readonly ClaimedRun[], quarantine: Quarantine | null): Promise<void> {
    const { deps, me } = this.#options;
    const { store } = deps;
    const uuids = chunk.map((run) => run.runUuid);
    const claims = new Map(chunk.map((run) => [run.runUuid, run]));
    const journals = await store.readJournals(uuids);
    // Asked behind the journals: the answer that named these runs may have been long on its way, and somebody else,
    // or a driver of ours that has parked or ended them since, may have had them meanwhile.
    const [rows, owned] = await Promise.all([store.findRuns(uuids), store.ownedRuns(me, uuids)]);
    const mine = new Set(owned.map(({ runUuid }) => runUuid));
    const done: LoadedRun[] = [];
    failpoint('load.after');
    for (const row of rows) {
      if (!mine.has(row.uuid)) continue;
      const journal = journals.get(row.uuid) ?? [];
      const loaded = await this.#prepare(row, journal, claims.get(row.uuid)!);
      if (loaded && !this.#resume(loaded, journal, quarantine)) done.push(loaded);
    }
    if (done.length > 0) await this.#dismiss(done);
  }

  /** Null when it cannot be driven here and now: it is tried again when what is owned is looked at. */
  async #prepare(row: RunRow, journal: readonly StoredEvent[], claim: ClaimedRun): Promise<LoadedRun | null> {
    const { deps, context, isEnded } = this.#options;
    const info = infoOf(row.uuid, row);
    try {
      const plan = await deps.store.findPlan(row.projectUuid, row.workflowKey, row.version);
      if (!plan) throw new Error(`version ${row.version} of workflow ${row.workflowKey} is not stored`);
      const project = await deps.projects.get(deps.store, row.projectUuid);
      if (isEnded()) return null;
      const driver = new RunDriver({ runUuid: row.uuid, plan, project, context, info });
      const bytes = freshStateBytes(plan, row.context) + bytesKept(journal.map(({ event }) => event));
      return { driver, claim, bytes };
    } catch (error) {
      deps.log.error({ err: error, run: info.id }, 'the run cannot be driven');
      return null;
    }
  }

  /** False when it is done. */
  #resume(loaded: LoadedRun, journal: readonly StoredEvent[], quarantine: Quarantine | null): boolean {
    const { runs, context, deps } = this.#options;
    const { driver } = loaded;
    const reason = quarantine ?? this.#reasonAgainst(loaded);
    this.#add(loaded);
    // From here on it is known as driven; what goes wrong below has it loaded again.
    this.#loading.delete(driver.runUuid);
    try {
      if (driver.resume(journal, reason)) return true;
      this.#loading.add(driver.runUuid);
      runs.remove(driver);
      return false;
    } catch (error) {
      if (reason === null) context.onCrash(driver, error);
      else {
        // It would have sent nothing: what threw is the fold, and a newer version may know better.
        driver.discard();
        runs.remove(driver);
        deps.log.error({ err: error, run: driver.info.id }, 'the run cannot be driven');
      }
      return true;
    }
  }

  #reasonAgainst({ claim, bytes }: LoadedRun): Quarantine | null {
    const { runStateBytesMax } = this.#options.deps.limits;
    if (claim.claims > suspectClaims) return killedItsOwners;
    return bytes > runStateBytesMax ? stateTooLarge(runStateBytesMax) : null;
  }

  #add({ driver, claim, bytes }: LoadedRun): void {
    const { runs, deps } = this.#options;
    const size = { claims: claim.claims, bytes, queuedBytes: claim.bytes };
    runs.add(driver, size, deps.clock.monotonic());
  }

  /**
   * Runs that turn out to be done: they ended between the look at the queue and the look at the journal, or a
   * command put them back. Only those with a command stay; it reopens them, or takes them out as refused.
   */
  async #dismiss(done: readonly LoadedRun[]): Promise<void> {
    const { deps, me, isEnded } = this.#options;
    const gone = new Set(
      await deps.store.deleteDoneRuns(
        me,
        done.map(({ driver }) => doneRunOf(driver)),
      ),
    );
    if (isEnded()) return;
    for (const loaded of done) if (!gone.has(loaded.driver.runUuid)) this.#add(loaded);
  }
}

function doneRunOf({ runUuid, seq }: RunDriver): DoneRun {
  return { runUuid, seq };
}

interface LoadedRun {
  readonly driver: RunDriver;
  readonly claim: ClaimedRun;
  readonly bytes: number;
}

/** In order, and bounded by what the queue says of their sizes; a run above the bound goes alone. */
export function* chunksOf(claimed: readonly ClaimedRun[]): Generator<readonly ClaimedRun[]> {
  let chunk: ClaimedRun[] = [];
  let bytes = 0;
  for (const run of claimed) {
    if (chunk.length > 0 && (chunk.length === chunkRunsMax || bytes + run.bytes > chunkBytesMax)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(run);
    bytes += run.bytes;
  }
  if (chunk.length > 0) yield chunk;
}
