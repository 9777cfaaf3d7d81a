import { hostname } from 'node:os';
import { type Delivery, isTerminal, type Plan, type RunEvent } from '@waybill/engine';
import { freshStateBytes, idOfUuid } from '@waybill/protocol';
import { type ClaimedRun, failpoint, Journal, type NewRun, StoreError } from '@waybill/store';
import type { FoundWorkflow } from './children.ts';
import type { DispatcherStats } from './dispatcher.ts';
import type { DriverContext } from './driver-context.ts';
import { infoOf } from './driver-info.ts';
import type { Quarantine } from './driver-types.ts';
import { Exchanges } from './exchanges.ts';
import { InboxReader } from './inbox-reader.ts';
import { LazyStarts } from './lazy-starts.ts';
import { Lease } from './lease.ts';
import { MemoryRoom } from './memory-room.ts';
import { type OwnedRun, OwnedRuns } from './owned-runs.ts';
import { Parking } from './parking.ts';
import { Recorder } from './recorder.ts';
import { RunDriver } from './run-driver.ts';
import { RunLoader } from './run-loader.ts';
import { SendQueue } from './send-queue.ts';
import type { SessionDeps, SessionEvents } from './session-deps.ts';
import type { SparedEndpoints } from './spared-endpoints.ts';
import { stateTooLarge, withinState } from './state-room.ts';
import { takeStock } from './stock-taking.ts';
import { Timers } from './timers.ts';

/** Flushes fail or hang for longer: what is taken now could only wait. */
const stuckMsMax = 2000;
/**
 * Deliveries that wait in a busy process, or will: enough to never run dry between two claims. Runs take turns, so with
 * many more of them all are held in memory for long, and none ends.
 */
const saturatedAbove = 300;
/** An aborted exchange ends at once. */
const abortGraceMs = 1000;

export interface NewOwnedRun {
  readonly uuid: string;
  readonly row: NewRun;
  readonly plan: Plan;
}

/**
 * One lease and everything done under it: runs, exchanges, timers, journal. When the lease is lost the
 * session is dropped whole and the dispatcher starts another under a new id.
 */
export class Session implements DriverContext {
  readonly clock;
  readonly journal: Recorder;
  readonly timers: Timers;
  readonly lazyStarts: LazyStarts;
  readonly queue: SendQueue;
  readonly endpoints: SparedEndpoints;
  readonly lease: Lease;
  readonly limits;
  readonly #deps: SessionDeps;
  readonly #exchanges: Exchanges;
  readonly #journal: Journal;
  readonly #runs: OwnedRuns;
  readonly #loader: RunLoader;
  readonly #parking: Parking;
  readonly #room: MemoryRoom;
  readonly #inbox: InboxReader;
  #isStopping = false;
  #isEnded = false;
  /** Runs on their way to the journal: what each has to send will wait, too. */
  #starting = 0;

  constructor(deps: SessionDeps, { onLost, onSuspectGone, onRoom }: SessionEvents) {
    this.#deps = deps;
    this.#runs = new OwnedRuns({ onSuspectGone, onRemoved: () => this.#room.freed() });
    this.limits = deps.limits;
    this.clock = deps.clock;
    this.endpoints = deps.endpoints;
    this.lazyStarts = new LazyStarts(deps.clock);
    const identity = { uuid: deps.clock.uuid(), host: hostname(), pid: process.pid };
    const { store, log, clock } = deps;
    this.lease = new Lease({
      ...{ store, identity, clock, log },
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
    const runs = this.#runs;
    const { onFlush } = deps;
    this.#journal = new Journal({
      ...{ openLane: store.openLane, fence, onOutsideWork, runtime: clock },
      ...(onFlush ? { onFlush } : {}),
    });
    this.journal = new Recorder({
      ...{ journal: this.#journal, runs, clock },
      runStateBytesMax: deps.limits.runStateBytesMax,
      onTooLarge: (run) => this.#tooLarge(run),
    });
    const { runsMax, runBytesMax: bytesMax } = deps;
    const isSaturated = () => this.queue.size + this.#starting > saturatedAbove && (deps.isBusy?.() ?? false);
    this.#room = new MemoryRoom({ runs, runsMax, bytesMax, isSaturated, onRoom });
    this.#parking = new Parking({
      ...{ journal: this.#journal, runs, clock, log },
      ...{ runsMax, bytesMax },
      onClaimedAgain: (uuid) => this.#reload(uuid, null),
    });
    this.#inbox = new InboxReader({
      ...{ store: deps.store, me: identity.uuid, runs },
      runStateBytesMax: deps.limits.runStateBytesMax,
      load: (owned) => this.#load(owned),
      remove: (driver) => this.#remove(driver),
      onCrash: (driver, error) => this.onCrash(driver, error),
    });
    const isEnded = () => this.#isEnded;
    this.#loader = new RunLoader({ deps, me: identity.uuid, runs, context: this, isEnded });
    this.timers = new Timers(deps.clock);
    this.#exchanges = new Exchanges({
      egress: deps.egress,
      maySend: () => this.lease.maySend(),
      clock: deps.clock,
      ...deps.limits,
      ...{ inFlightMax: deps.inFlightMax, inFlightBytesMax: deps.inFlightBytesMax },
      callbacks: deps.callbacks,
      endpoints: deps.endpoints,
      onEnd: (url) => this.queue.ended(url),
      within: (driver, outcome) =>
        withinState(outcome, runs.get(driver.runUuid), deps.limits.runStateBytesMax),
      onCrash: (driver, error) => this.onCrash(driver, error),
    });
    this.queue = new SendQueue({
      isOpen: () =>
        !this.#isStopping && !this.#exchanges.isFull && !this.#journal.isFull && this.lease.maySend(),
      hasRoom: (url) => this.#exchanges.hasRoom(url),
    });
  }

  get stats(): Omit<DispatcherStats, 'circuitsOpen' | 'attemptsHeldBack'> {
    return {
      runs: this.#runs.size,
      runBytes: this.#runs.bytes,
      largestRunBytes: this.#runs.largestBytes,
      inFlight: this.#exchanges.size,
      inFlightBytes: this.#exchanges.bytes,
      answerBytes: this.#deps.egress.answerBytes,
      deliveriesWaiting: this.queue.size,
      journalPendingBytes: this.#journal.pendingBytes,
      journalStuckMs: this.#journal.stuckForMs(),
      isLeased: this.lease.maySend(),
    };
  }

  /** Whether a run may start here without going through the queue. */
  mayOwn(projectUuid: string): boolean {
    return this.#takesRuns && this.#room.mayStart(projectUuid);
  }

  get #takesRuns(): boolean {
    const takesWrites = !this.#journal.isFull && this.#journal.stuckForMs() <= stuckMsMax;
    return !this.#isStopping && !this.#isEnded && takesWrites && this.lease.maySend();
  }

  /** Writes a new run as already owned. @throws StoreError when it was not written. */
  async startOwned({ uuid, row, plan }: NewOwnedRun): Promise<void> {
    const project = await this.#deps.projects.get(this.#deps.store, row.projectUuid);
    const driver = new RunDriver({ runUuid: uuid, plan, project, context: this, info: infoOf(uuid, row) });
    const bytes = freshStateBytes(plan, row.context);
    this.#runs.add(driver, { claims: 0, bytes, queuedBytes: bytes }, this.clock.monotonic());
    this.#starting++;
    try {
      await driver.create({ ...row, stateBytes: bytes, startedAtMs: row.createdAtMs });
    } finally {
      this.#starting--;
    }
  }

  /** Claims ready runs while there is room. Answers how many. */
  async claim(): Promise<number> {
    this.#parking.relieve();
    // A connection may be free later than its exchange has ended.
    this.queue.sweep();
    const room = this.#takesRuns ? this.#room.toClaim() : null;
    if (room === null) return 0;
    const startedAt = this.clock.monotonic();
    const claimed = await this.#deps.store.claimRuns(this.lease.identity.uuid, room);
    this.#deps.onClaim?.(this.clock.monotonic() - startedAt, claimed.length);
    if (claimed.length > 0) failpoint('claim.after');
    await this.#load(claimed);
    return claimed.length;
  }

  /** Gives runs back that will not need this process for a while. */
  park(): void {
    if (!this.#isStopping && !this.#isEnded) this.#parking.tick();
  }

  /** Applies commands from outside to the runs driven here. */
  async readInbox(): Promise<number> {
    const commands = await this.#inbox.read();
    this.#deps.onInbox?.(commands);
    return commands;
  }

  /** Loads runs that we own and do not drive, claims whose answer was lost; lets go of those it is the other way with. */
  async adopt(): Promise<void> {
    const { store, log } = this.#deps;
    const remove = (driver: RunDriver) => this.#remove(driver);
    const me = this.lease.identity.uuid;
    await this.#load(await takeStock({ store, log, me, remove, runs: this.#runs }));
  }

  /** Takes back what dead dispatchers owned. */
  async rescue(): Promise<void> {
    const rescued = await this.#deps.store.rescueExpired();
    if (rescued.length > 0) failpoint('rescue.after');
    if (rescued.length > 0) this.#deps.log.warn({ rescued }, 'rescued the runs of dead dispatchers');
    const orphans = await this.#deps.store.freeOrphans(this.lease.identity.uuid);
    if (orphans > 0) this.#deps.log.warn({ orphans }, 'freed runs without an owner');
  }

  /** Finishes what is in flight, at most for the grace period, then gives everything back. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#exchanges.idle(graceMs);
    this.#exchanges.abortAll();
    // What was given up is recorded as lost.
    await this.#exchanges.idle(abortGraceMs);
    await this.#journal.close();
    failpoint('lease.release');
    await this.lease.release();
    this.#end();
  }

  /** The lease is gone: nothing in memory is true any more. */
  abandon(): void {
    if (this.#isEnded) return;
    this.#end();
    this.#journal.abandon(new StoreError('lease_lost', 'this dispatcher lost its lease'));
    void this.lease.close();
    void this.#journal.close();
  }

  maySend(): boolean {
    return !this.#isStopping && this.lease.maySend();
  }

  exchange(driver: RunDriver, delivery: Delivery): void {
    this.#exchanges.start(driver, delivery);
  }

  abort(delivery: Delivery): void {
    this.#exchanges.abort(delivery);
  }

  extend(delivery: Delivery, until: number): void {
    this.#exchanges.extend(delivery, until);
  }

  onCommit(driver: RunDriver, events: readonly RunEvent[]): void {
    this.#deps.onCommit(driver.runUuid, events, driver);
  }

  async findWorkflow(projectUuid: string, key: string): Promise<FoundWorkflow | null> {
    const { store } = this.#deps;
    const version = await store.findLatestVersion(projectUuid, key);
    const plan = version === null ? null : await store.findPlan(projectUuid, key, version);
    return plan && { plan, version: version! };
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

  /** A bug of ours that one run brings out: that run is quarantined, the others go on. */
  onCrash(driver: RunDriver, error: unknown): void {
    this.onFailure(driver, new StoreError('run_refused', `driving this run failed: ${error}`, error));
  }

  onFailure(driver: RunDriver, error: StoreError): void {
    this.#remove(driver);
    if (this.#isEnded || error.code === 'lease_lost' || error.code === 'journal_closed') return;
    const { code, message } = error;
    const { id: run } = driver.info;
    this.#deps.log.error({ err: error, run }, 'a transition was not recorded; reloading the run');
    this.#reload(driver.runUuid, code === 'run_refused' ? { code, message } : null);
  }

  /** Only what is owned: a start that came second to another dispatcher's is that one's to drive. */
  #reload(uuid: string, quarantine: Quarantine | null): void {
    const reload = async () => {
      const owned = await this.#deps.store.ownedRuns(this.lease.identity.uuid, [uuid]);
      await this.#load(owned, quarantine);
    };
    reload().catch((error) => {
      const run = idOfUuid('run', uuid);
      this.#deps.log.error({ err: error, run }, 'the run could not be reloaded yet');
    });
  }

  /** What grew without an answer that could be refused, such as by the results of other runs. */
  #tooLarge({ driver }: OwnedRun): void {
    if (driver.isDiscarded || isTerminal(driver.state.state)) return;
    driver.apply({ type: 'quarantine', ...stateTooLarge(this.#deps.limits.runStateBytesMax) });
  }

  async #load(owned: readonly ClaimedRun[], quarantine: Quarantine | null = null): Promise<void> {
    const free = owned.filter((run) => !this.#parking.holds(run.runUuid));
    await this.#loader.load(free, quarantine);
    // Of suspects there is one at a time: one that only waits gives its place to the next.
    if (this.#runs.hasSuspect) this.park();
    // What they were woken for may have been looked for while they were being loaded.
    if (owned.some((run) => run.isWoken)) await this.readInbox();
  }

  #remove(driver: RunDriver): void {
    driver.discard();
    this.#runs.remove(driver);
  }

  #end(): void {
    this.#isEnded = true;
    for (const { driver } of [...this.#runs]) this.#remove(driver);
    this.#exchanges.abortAll();
    this.timers.clear();
    this.lazyStarts.clear();
  }
}
