import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command, Delivery, Plan, RunEvent } from '@waybill/engine';
import { idOfUuid } from '@waybill/protocol';
import {
  claimRuns,
  deleteDoneRuns,
  findRuns,
  findVersion,
  freeOrphans,
  type InboxRow,
  Journal,
  type NewRun,
  ownedRuns,
  type RunRow,
  readInbox,
  readJournals,
  rescueExpired,
  StoreError,
} from '@waybill/store';
import type { FoundWorkflow } from './children.ts';
import type { DispatcherDeps } from './dispatcher.ts';
import type { DriverContext } from './driver-context.ts';
import { Exchanges } from './exchanges.ts';
import { LazyStarts } from './lazy-starts.ts';
import { Lease } from './lease.ts';
import { RunDriver } from './run-driver.ts';
import { SendQueue } from './send-queue.ts';
import { Timers } from './timers.ts';

const claimBatchMax = 500;
const inboxBatchMax = 500;
const inFlightMax = 1024;
/** An aborted exchange ends at once. */
const abortGraceMs = 1000;

export interface NewOwnedRun {
  readonly uuid: string;
  readonly row: NewRun;
  readonly plan: Plan;
}

/** What an api may leave in the inbox. */
type OutsideCommand = Extract<Command, { readonly commandId: string }>;

/**
 * One lease and everything done under it: runs, exchanges, timers, journal. When the lease is lost the
 * session is dropped whole and the dispatcher starts another under a new id.
 */
export class Session implements DriverContext {
  readonly clock;
  readonly journal: Journal;
  readonly timers: Timers;
  readonly lazyStarts = new LazyStarts();
  readonly queue: SendQueue;
  readonly lease: Lease;
  readonly #deps: DispatcherDeps;
  readonly #exchanges: Exchanges;
  readonly #drivers = new Map<string, RunDriver>();
  readonly #loading = new Set<string>();
  #isStopping = false;
  #isEnded = false;
  #onIdle: (() => void) | null = null;

  constructor(deps: DispatcherDeps, onLost: (session: Session) => void) {
    this.#deps = deps;
    this.clock = deps.clock;
    const identity = { uuid: randomUUID(), host: hostname(), pid: process.pid };
    const { databaseUrl, log } = deps;
    this.lease = new Lease({
      databaseUrl,
      identity,
      clock: deps.clock,
      log,
      onLost: () => {
        this.abandon();
        onLost(this);
      },
      onSilence: () => this.#exchanges.abortAll(),
      onResume: () => this.queue.pump(),
    });
    const fence = {
      ownerUuid: identity.uuid,
      confirm: () => this.lease.confirm(),
      lost: () => this.lease.lost(),
    };
    const onOutsideWork = () => deps.hints.notify('work');
    this.journal = new Journal({ databaseUrl, fence, onOutsideWork });
    this.timers = new Timers(deps.clock);
    this.#exchanges = new Exchanges({
      egress: deps.egress,
      clock: deps.clock,
      ...deps.limits,
      callbacks: deps.callbacks,
      onEnd: () => this.#exchangeEnded(),
      onCrash: (driver, error) => this.#crashed(driver, error),
    });
    this.queue = new SendQueue({
      isOpen: () => !this.#isStopping && this.#exchanges.size < inFlightMax && this.lease.maySend(),
      hasRoom: (url) => this.#exchanges.hasRoom(url),
    });
  }

  get runCount(): number {
    return this.#drivers.size;
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  /** Whether a run may start here without going through the queue. */
  mayOwn(): boolean {
    if (this.#isStopping || this.#isEnded || this.journal.isFull) return false;
    return this.#drivers.size < this.#deps.runsMax && this.lease.maySend();
  }

  /** Writes a new run as already owned. @throws StoreError when it was not written. */
  async startOwned({ uuid, row, plan }: NewOwnedRun): Promise<void> {
    const project = await this.#deps.projects.get(this.#deps.database, row.projectUuid);
    const driver = new RunDriver({ runUuid: uuid, plan, project, context: this, info: infoOf(uuid, row) });
    this.#drivers.set(uuid, driver);
    await driver.create({ ...row, startedAtMs: row.createdAtMs });
  }

  /** Claims ready runs while there is room. Answers how many. */
  async claim(): Promise<number> {
    const room = Math.min(claimBatchMax, this.#deps.runsMax - this.#drivers.size);
    if (!this.mayOwn() || room <= 0) return 0;
    const claimed = await claimRuns(this.#deps.database, this.lease.identity.uuid, {
      runs: room,
      bytes: Number.MAX_SAFE_INTEGER,
    });
    await this.#load(claimed.map((run) => run.runUuid));
    return claimed.length;
  }

  /** Applies commands from outside to the runs driven here. */
  async readInbox(): Promise<number> {
    const rows = await readInbox(this.#deps.database, this.lease.identity.uuid, inboxBatchMax);
    for (const row of rows) this.#command(row);
    return rows.length;
  }

  /** Loads runs that we own and do not drive: claims whose answer was lost. */
  async adopt(): Promise<void> {
    await this.#load(await ownedRuns(this.#deps.database, this.lease.identity.uuid));
  }

  /** Takes back what dead dispatchers owned. */
  async rescue(): Promise<void> {
    const rescued = await rescueExpired(this.#deps.database);
    if (rescued.length > 0) this.#deps.log.warn({ rescued }, 'rescued the runs of dead dispatchers');
    const orphans = await freeOrphans(this.#deps.database, this.lease.identity.uuid);
    if (orphans > 0) this.#deps.log.warn({ orphans }, 'freed runs without an owner');
  }

  /** Finishes what is in flight, at most for the grace period, then gives everything back. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#idle(graceMs);
    this.#exchanges.abortAll();
    // What was given up is recorded as lost.
    await this.#idle(abortGraceMs);
    await this.journal.close();
    await this.lease.release();
    this.#end();
  }

  /** The lease is gone: nothing in memory is true any more. */
  abandon(): void {
    if (this.#isEnded) return;
    this.#end();
    this.journal.abandon(new StoreError('lease_lost', 'this dispatcher lost its lease'));
    void this.lease.close();
    void this.journal.close();
  }

  exchange(driver: RunDriver, delivery: Delivery): void {
    try {
      this.#exchanges.start(driver, delivery);
    } catch (error) {
      this.#crashed(driver, error);
    }
  }

  abort(delivery: Delivery): void {
    this.#exchanges.abort(delivery);
  }

  onCommit(driver: RunDriver, events: readonly RunEvent[]): void {
    this.#deps.onCommit(driver.runUuid, events, driver);
  }

  async findWorkflow(projectUuid: string, key: string): Promise<FoundWorkflow | null> {
    const { database, plans } = this.#deps;
    const found = await findVersion(database, projectUuid, key);
    const plan = found && (await plans.get(database, projectUuid, key, found.version));
    return plan && { plan, version: found.version };
  }

  beforeTimeout(fire: () => void): void {
    // A database that does not answer must not stop the clock: the timer fires all the same.
    void this.readInbox()
      .catch(() => {})
      .then(fire);
  }

  onDone(driver: RunDriver): void {
    this.#remove(driver);
  }

  onFailure(driver: RunDriver, error: StoreError): void {
    this.#remove(driver);
    if (this.#isEnded || error.code === 'lease_lost' || error.code === 'journal_closed') return;
    this.#deps.log.error(
      { err: error, run: driver.info.id },
      'a transition was not recorded; reloading the run',
    );
    this.#reload(driver.runUuid, error.code === 'run_refused' ? error : null).catch((cause) => {
      this.#deps.log.error({ err: cause, run: driver.info.id }, 'the run could not be reloaded yet');
    });
  }

  /** Only what is owned: a start that came second to another dispatcher's is that one's to drive. */
  async #reload(uuid: string, quarantine: StoreError | null): Promise<void> {
    const owned = await ownedRuns(this.#deps.database, this.lease.identity.uuid, [uuid]);
    await this.#load(owned, quarantine);
  }

  /** A bug of ours that one run brings out: that run is quarantined, the others go on. */
  #crashed(driver: RunDriver, error: unknown): void {
    this.onFailure(driver, new StoreError('run_refused', `driving this run failed: ${error}`, error));
  }

  #exchangeEnded(): void {
    this.queue.pump();
    if (this.#exchanges.size === 0) this.#onIdle?.();
  }

  /** Resolves when no exchange is open, or after `graceMs`. */
  #idle(graceMs: number): Promise<void> {
    if (this.#exchanges.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #load(owned: readonly string[], quarantine: StoreError | null = null): Promise<void> {
    // A claim's answer and a look at what is owned may name the same run at once.
    const uuids = owned.filter((uuid) => !this.#drivers.has(uuid) && !this.#loading.has(uuid));
    if (uuids.length === 0) return;
    for (const uuid of uuids) this.#loading.add(uuid);
    try {
      const { database } = this.#deps;
      const [rows, journals] = await Promise.all([findRuns(database, uuids), readJournals(database, uuids)]);
      const done: RunDriver[] = [];
      for (const row of rows) {
        const driver = await this.#resume(row, journals.get(row.uuid) ?? [], quarantine);
        if (driver) done.push(driver);
      }
      await this.#dismiss(done);
    } finally {
      for (const uuid of uuids) this.#loading.delete(uuid);
    }
  }

  /**
   * Runs that turn out to be done: they ended between the look at the queue and the look at the journal, or a
   * command put them back. Only those with a command stay; it reopens them, or takes them out as refused.
   */
  async #dismiss(done: readonly RunDriver[]): Promise<void> {
    const uuids = done.map((driver) => driver.runUuid);
    const left = new Set(await deleteDoneRuns(this.#deps.database, this.lease.identity.uuid, uuids));
    if (this.#isEnded) return;
    for (const driver of done) if (!left.has(driver.runUuid)) this.#drivers.set(driver.runUuid, driver);
    if (left.size < done.length) await this.readInbox();
  }

  /** Answers the driver of a run that is done; others are driven from here on. */
  async #resume(
    row: RunRow,
    journal: readonly { readonly seq: number; readonly event: RunEvent }[],
    quarantine: StoreError | null,
  ): Promise<RunDriver | null> {
    const { database, plans, projects, log } = this.#deps;
    try {
      const plan = await plans.get(database, row.projectUuid, row.workflowKey, row.version);
      if (!plan) throw new Error(`version ${row.version} of workflow ${row.workflowKey} is not stored`);
      const project = await projects.get(database, row.projectUuid);
      if (this.#isEnded) return null;
      const driver = new RunDriver({
        runUuid: row.uuid,
        plan,
        project,
        context: this,
        info: infoOf(row.uuid, row),
      });
      this.#drivers.set(row.uuid, driver);
      if (!driver.resume(journal)) {
        this.#drivers.delete(row.uuid);
        return driver;
      }
      if (quarantine) driver.apply({ type: 'quarantine', code: 'run_refused', message: quarantine.message });
    } catch (error) {
      this.#drivers.delete(row.uuid);
      log.error({ err: error, run: idOfUuid('run', row.uuid) }, 'the run cannot be driven');
    }
    return null;
  }

  #command(row: InboxRow): void {
    const driver = this.#drivers.get(row.runUuid);
    // Being loaded, or just done: the row is read again, or went with the run.
    if (!driver) return;
    // Written by an api of ours, checked there.
    const command = { ...(JSON.parse(row.command) as object), commandId: row.id } as OutsideCommand;
    if (command.type === 'callback') driver.applyCallback(row, command);
    else if (command.type !== 'cancel') driver.applyFromInbox(row, command);
    else driver.applyFromInbox(row, { ...command, compensate: command.compensate !== false });
  }

  #remove(driver: RunDriver): void {
    driver.discard();
    if (this.#drivers.get(driver.runUuid) === driver) this.#drivers.delete(driver.runUuid);
  }

  #end(): void {
    this.#isEnded = true;
    for (const driver of [...this.#drivers.values()]) this.#remove(driver);
    this.#exchanges.abortAll();
    this.timers.clear();
    this.lazyStarts.clear();
  }
}

function infoOf(
  uuid: string,
  row: Pick<NewRun, 'workflowKey' | 'version' | 'context' | 'tags' | 'metadata'>,
) {
  const { workflowKey: workflowId, version, context, tags, metadata } = row;
  const traceId = uuid.replaceAll('-', '');
  return { id: idOfUuid('run', uuid), traceId, workflowId, version, context, tags, metadata };
}
