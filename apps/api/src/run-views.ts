import { createRunState, evolve, type RunState } from '@waybill/engine';
import { idOfUuid, type RunInfo } from '@waybill/protocol';
import { type Database, type PlanCache, type RunRow, readEvents } from '@waybill/store';
import { LRUCache } from 'lru-cache';

export interface RunView {
  readonly row: RunRow;
  readonly state: RunState;
  readonly info: RunInfo;
  /** Seq of the newest event folded. */
  readonly seq: number;
}

interface Fold extends RunView {
  seq: number;
  bytes: number;
  /** Refreshes of one fold run one after another: each sees what was durable when it was asked for. */
  refreshed: Promise<unknown>;
}

const bytesMaxDefault = 64 * 1024 * 1024;
/** What a fold weighs beside its texts, in bytes. */
const foldBytes = 2000;
const eventBytes = 400;

/** Runs as seen from outside: folds of their journals, kept and fed with newer events only. */
export class RunViews {
  readonly #database: Database;
  readonly #plans: PlanCache;
  readonly #folds: LRUCache<string, Fold>;

  constructor(database: Database, plans: PlanCache, bytesMax = bytesMaxDefault) {
    this.#folds = new LRUCache({ maxSize: bytesMax, sizeCalculation: ({ bytes }) => bytes });
    this.#database = database;
    this.#plans = plans;
  }

  /** What the folds take in memory, about. */
  get bytes(): number {
    return this.#folds.calculatedSize;
  }

  /** The run as it is now. `row` was read in this request: it carries the right to see the run. */
  async get(row: RunRow): Promise<RunView> {
    const fold = this.#folds.get(row.uuid) ?? (await this.#create(row));
    const refreshed = fold.refreshed.then(() => this.#refresh(fold));
    fold.refreshed = refreshed.catch(() => {});
    await refreshed;
    return fold;
  }

  async #create(row: RunRow): Promise<Fold> {
    const plan = await this.#plans.get(this.#database, row.projectUuid, row.workflowKey, row.version);
    if (!plan) throw new Error(`version ${row.version} of workflow ${row.workflowKey} is not stored`);
    const info = infoOf(row);
    const state = createRunState(plan, info.id);
    const bytes = foldBytes + row.context.length + plan.steps.length * eventBytes;
    return { row, info, state, seq: 0, bytes, refreshed: Promise.resolve() };
  }

  async #refresh(fold: Fold): Promise<void> {
    const events = await readEvents(this.#database, fold.row.uuid, fold.seq);
    try {
      for (const { seq, event } of events) {
        evolve(fold.state, event);
        fold.seq = seq;
        fold.bytes += eventBytes + ('result' in event ? (event.result?.length ?? 0) : 0);
      }
    } catch (error) {
      // Half an event may have been applied: never serve this fold again.
      this.#folds.delete(fold.row.uuid);
      throw error;
    }
    this.#folds.set(fold.row.uuid, fold);
  }
}

export function infoOf(
  row: Pick<RunRow, 'uuid' | 'workflowKey' | 'version' | 'context' | 'tags' | 'metadata'>,
) {
  const { workflowKey: workflowId, version, context, tags, metadata } = row;
  return { id: idOfUuid('run', row.uuid), workflowId, version, context, tags, metadata };
}
