import { createRunState, evolve, type RunEvent } from '@waybill/engine';
import { createId, freshStateBytes, Problem, statusText, uuidOfId } from '@waybill/protocol';
import { failpoint, findRun, findRuns, type RunRow, StoreError } from '@waybill/store';
import type { BacklogGate } from './backlog-gate.ts';
import type { ApiDeps, Principal } from './deps.ts';
import { claimKey, type Idempotency } from './idempotency.ts';
import { Places } from './places.ts';
import { type BatchItem, batchEntry } from './run-batch.ts';
import { infoOf, type RunViews } from './run-views.ts';
import type { Services } from './services.ts';
import type { ResolvedVersion } from './versions.ts';
import type { Writes } from './writes.ts';

export interface StartRequest {
  readonly principal: Principal;
  /** The version to run; asked for once the Idempotency-Key is claimed, so that a refused request stores nothing. */
  readonly version: () => Promise<ResolvedVersion>;
  readonly context: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly idempotency: Idempotency | null;
  /** Epoch ms; at once when absent. */
  readonly startAtMs?: number | undefined;
  /** Of a run that repeats another. */
  readonly rerun?: { readonly of: string; readonly copies: readonly RunEvent[] } | undefined;
}

export interface BatchRequest {
  readonly principal: Principal;
  readonly version: () => Promise<ResolvedVersion>;
  readonly items: readonly BatchItem[];
  readonly idempotency: Idempotency | null;
}

export interface StartedRun {
  readonly id: string;
  /** The status as of the start, or of now for a repeated request. */
  readonly status: string;
}

const startsMaxDefault = 4000;
/** Contexts of runs that are being started. */
const startBytesMax = 64 * 1024 * 1024;

/** Flushes fail or hang for longer: one more start would only wait with them. */
const stuckMsMax = 2000;

interface WriteAs {
  readonly uuid: string;
  /** Never for a repeat: two requests handing over one run would make two drivers of it. */
  readonly mayOwn: boolean;
}

/** Starts runs: durable first, acknowledged then. */
export class Starter {
  readonly #deps: ApiDeps;
  readonly #views: RunViews;
  readonly #writes: Writes;
  readonly #backlog: Pick<BacklogGate, 'take'>;
  readonly #places: Places;

  constructor({ deps, views, writes, backlog }: Pick<Services, 'deps' | 'views' | 'writes' | 'backlog'>) {
    this.#deps = deps;
    this.#views = views;
    this.#writes = writes;
    this.#backlog = backlog;
    const { startsMax = startsMaxDefault } = deps;
    const refuse = () => {
      const detail = `startsMax ${startsMax} runs are being started, or startBytesMax ${startBytesMax} bytes; try again`;
      const limit = { name: 'startsMax', value: startsMax };
      return new Problem('too_many_starts', detail, { limit, retryAfterSeconds: 1 });
    };
    this.#places = new Places({ countMax: startsMax, bytesMax: startBytesMax, refuse });
  }

  /** Starts that are not durable yet. */
  get underWay(): number {
    return this.#places.taken;
  }

  /** @throws Problem `idempotency_key_reused`, `too_many_starts`, `too_many_runs`, `unavailable`. */
  async start(request: StartRequest): Promise<StartedRun> {
    const { principal, context } = request;
    const start = () => this.#start(request);
    const started = await this.#places.within(principal.projectUuid, context.length, start);
    failpoint('api.started');
    return started;
  }

  async #start(request: StartRequest): Promise<StartedRun> {
    const id = createId('run');
    const uuid = uuidOfId('run', id)!;
    if (!request.idempotency) return this.#write(request, { uuid, mayOwn: true });
    const claim = await claimKey(this.#writes, request.idempotency, uuid);
    failpoint('api.key');
    const existing = claim.isRepeat ? await this.#existing(claim.uuid) : null;
    return existing ?? (await this.#writeOnce(request, { uuid: claim.uuid, mayOwn: !claim.isRepeat }));
  }

  /**
   * Starts all runs of a batch, or none.
   * @throws Problem as `start` does.
   */
  async startBatch(request: BatchRequest): Promise<readonly RunRow[]> {
    const { principal, items, idempotency } = request;
    const bytes = items.reduce((sum, { context }) => sum + context.length, 0);
    return this.#places.within(principal.projectUuid, bytes, async () => {
      const uuid = uuidOfId('run', createId('run'))!;
      const claim = idempotency && (await claimKey(this.#writes, idempotency, uuid));
      return this.#writeBatch(request, claim ?? { uuid, isRepeat: false });
    });
  }

  async #writeBatch(
    { principal, version, items }: BatchRequest,
    { uuid, isRepeat }: { readonly uuid: string; readonly isRepeat: boolean },
  ): Promise<readonly RunRow[]> {
    const { journal, hints, database, now } = this.#deps;
    const { projectUuid } = principal;
    const before = isRepeat ? await findRun(database, uuid) : null;
    const createdAtMs = before?.createdAtMs ?? now();
    const origin = { projectUuid, createdAtMs, version: await version(), firstUuid: uuid };
    const { entry, rows } = batchEntry(items, origin);
    const uuids = rows.map((row) => row.uuid);
    if (before) return this.#rows(uuids);
    this.#take(projectUuid, items.filter(({ startAtMs }) => startAtMs === undefined).length);
    try {
      await this.#writes.inTime(journal.append(entry));
    } catch (error) {
      // Another request with the same key was faster: these are the same runs.
      if (!isRepeat || !(error instanceof StoreError) || !(await findRun(database, uuid))) throw error;
      return this.#rows(uuids);
    }
    hints.notify('work');
    return rows;
  }

  /** In this order. */
  async #rows(uuids: readonly string[]): Promise<readonly RunRow[]> {
    const rows = new Map((await findRuns(this.#deps.database, uuids)).map((row) => [row.uuid, row]));
    return uuids.map((uuid) => rows.get(uuid)!);
  }

  /** Room for what is ready at once. @throws Problem `unavailable`, `too_many_runs` */
  #take(project: string, runs: number): void {
    const { journal } = this.#deps;
    if (journal.isFull || journal.stuckForMs() > stuckMsMax) {
      throw new Problem('unavailable', 'too much is waiting to be written', { retryAfterSeconds: 1 });
    }
    if (runs > 0) this.#backlog.take(project, runs);
  }

  async #existing(uuid: string): Promise<StartedRun | null> {
    const row = await findRun(this.#deps.database, uuid);
    if (!row) return null;
    const { state, info } = await this.#views.get(row);
    return { id: info.id, status: statusText(state, info) };
  }

  /** The first request may have died, or be on its way still: whoever writes first wins. */
  async #writeOnce(request: StartRequest, as: WriteAs): Promise<StartedRun> {
    try {
      return await this.#write(request, as);
    } catch (error) {
      const existing = error instanceof StoreError ? await this.#existing(as.uuid) : null;
      if (!existing) throw error;
      return existing;
    }
  }

  async #write(request: StartRequest, { uuid, mayOwn }: WriteAs): Promise<StartedRun> {
    const { dispatcher, journal, hints } = this.#deps;
    const { principal, context, tags, metadata, rerun, startAtMs } = request;
    const { plan, version } = await request.version();
    const createdAtMs = this.#deps.now();
    const row = {
      projectUuid: principal.projectUuid,
      workflowKey: plan.definition.id,
      version,
      context,
      tags,
      metadata: Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : null,
      createdAtMs,
      stateBytes: freshStateBytes(plan, context),
      startedAtMs: null,
      startAtMs,
    };
    const state = createRunState(plan, '', context);
    const info = infoOf({ uuid, ...row, tags: [...tags] });
    if (mayOwn && !rerun && startAtMs === undefined && dispatcher?.mayOwn(principal.projectUuid)) {
      await this.#writes.inTime(dispatcher.startOwned({ uuid, row, plan }));
      evolve(state, { type: 'run.created', at: createdAtMs, started: true });
      return { id: info.id, status: statusText(state, info) };
    }
    this.#take(principal.projectUuid, startAtMs === undefined ? 1 : 0);
    const created: RunEvent = {
      type: 'run.created',
      at: createdAtMs,
      rerunOf: rerun?.of,
      startAt: startAtMs,
    };
    const events = [created, ...(rerun?.copies ?? [])];
    const bytes = context.length + 500 * events.length + resultChars(events);
    const run = { uuid, seq: 0, isDiscarded: false };
    await this.#writes.inTime(journal.append({ run, events, create: row, bytes }));
    hints.notify('work');
    for (const event of events) evolve(state, event);
    return { id: info.id, status: statusText(state, info) };
  }
}

function resultChars(events: readonly RunEvent[]): number {
  return events.reduce((sum, event) => sum + ('result' in event ? (event.result?.length ?? 0) : 0), 0);
}
