import type { Egress } from '@waybill/egress';
import type { RunEvent } from '@waybill/engine';
import type { Limits } from '@waybill/protocol';
import { delay, type FlushReport } from '@waybill/store';
import type { Clock } from './clock.ts';
import type { DispatcherStore, WorkHints } from './dispatcher-store.ts';
import type { CallbackOptions } from './exchanges.ts';
import type { Log } from './log.ts';
import { Loop } from './loop.ts';
import type { ProjectCache } from './project-cache.ts';
import type { RunDriver } from './run-driver.ts';
import { type NewOwnedRun, Session } from './session.ts';
import { SparedEndpoints } from './spared-endpoints.ts';

export interface DispatcherDeps {
  readonly store: DispatcherStore;
  readonly hints: WorkHints;
  readonly egress: Egress;
  readonly projects: ProjectCache;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs in memory at most. */
  readonly runsMax: number;
  /** Requests to handlers without an answer, at most. */
  readonly inFlightMax: number;
  /** What these requests may take in memory, about. */
  readonly inFlightBytesMax: number;
  /** What the states of these runs may take, in bytes. */
  readonly runBytesMax: number;
  readonly limits: Limits;
  /** Null: requests offer no callback. */
  readonly callbacks: CallbackOptions | null;
  /** Whether this process has no time left. */
  readonly isBusy?: () => boolean;
  /** Told of each claim: how long the database took for it, and how many runs it gave. */
  readonly onClaim?: (durationMs: number, runs: number) => void;
  /** Told of each flush of its journal, and of each look at the inbox: how many commands it gave. */
  readonly onFlush?: (flush: FlushReport) => void;
  readonly onInbox?: (commands: number) => void;
  /** Told of every transition once it is durable, in this process. */
  readonly onCommit: (runUuid: string, events: readonly RunEvent[], run: CommittedRun) => void;
}

/** The run of a transition; its state may be ahead of the events. */
export type CommittedRun = Pick<RunDriver, 'state' | 'info' | 'project' | 'runUuid'>;

export interface Dispatcher {
  /** Resolves when the first lease is held. */
  start(): Promise<void>;
  /** SIGTERM: stops claiming, finishes what is in flight, gives the lease back. */
  stop(graceMs: number): Promise<void>;
  /** Whether `startOwned` would take a run of this project now. */
  mayOwn(projectUuid: string): boolean;
  /** Writes a run as already owned and drives it from there. @throws StoreError when it was not written. */
  startOwned(run: NewOwnedRun): Promise<void>;
  /** A command waits in the inbox. */
  poke(): void;
  readonly stats: DispatcherStats;
}

export interface DispatcherStats {
  readonly runs: number;
  /** What their states take, as bounded by `runBytesMax`. */
  readonly runBytes: number;
  readonly largestRunBytes: number;
  readonly inFlight: number;
  readonly inFlightBytes: number;
  /** Of answers that are coming in. */
  readonly answerBytes: number;
  /** Due, and without a place among those in flight. */
  readonly deliveriesWaiting: number;
  readonly journalPendingBytes: number;
  readonly journalStuckMs: number;
  /** Its lease allows to send: a heartbeat has succeeded lately. */
  readonly isLeased: boolean;
  /** Endpoints that only fail, and attempts that were held back for it. */
  readonly circuitsOpen: number;
  readonly attemptsHeldBack: number;
}

const pollIntervalMs = 1000;
const rescueIntervalMs = 5000;
const adoptIntervalMs = 10_000;
const parkIntervalMs = 5000;
const housekeepingIntervalMs = 3600 * 1000;
const restartDelayMs = 500;

/** Claims runs, drives them, sends what is due. Everything under one lease is a Session. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const endpoints = new SparedEndpoints(deps.log);
  let session: Session | null = null;
  let opening: Promise<void> = Promise.resolve();
  let isStopped = false;

  const whileLeased = (name: string, intervalMs: number, tick: (session: Session) => Promise<boolean>) =>
    new Loop({
      ...{ name, intervalMs, log: deps.log, runtime: deps.clock },
      tick: async () => (session ? tick(session) : false),
    });
  const claims = whileLeased('claiming', pollIntervalMs, async (current) => (await current.claim()) > 0);
  const inbox = whileLeased('reading the inbox', pollIntervalMs, async (current) => {
    await current.readInbox();
    return false;
  });
  const rescues = whileLeased('rescuing', rescueIntervalMs, async (current) => {
    await current.rescue();
    claims.poke();
    return false;
  });
  const adoption = whileLeased('adopting', adoptIntervalMs, async (current) => {
    await current.adopt();
    return false;
  });
  const parking = whileLeased('parking', parkIntervalMs, async (current) => {
    current.park();
    return false;
  });
  const housekeeping = whileLeased('housekeeping', housekeepingIntervalMs, async () => {
    await deps.store.houseKeep();
    return false;
  });
  const loops = [claims, inbox, rescues, adoption, parking];

  const poke = () => {
    claims.poke();
    inbox.poke();
  };

  /** A new identity, tried until the database takes it. */
  async function open(): Promise<void> {
    while (!isStopped) {
      const next = new Session(
        { ...deps, endpoints },
        { onLost: reopen, onSuspectGone: () => claims.poke(), onRoom: () => claims.poke() },
      );
      try {
        await next.lease.acquire();
        session = next;
        deps.log.info({ dispatcher: next.lease.identity.uuid }, 'lease acquired');
        poke();
        return;
      } catch (error) {
        deps.log.warn({ err: error }, 'no lease yet');
        next.abandon();
        await delay(deps.clock, restartDelayMs);
      }
    }
  }

  function reopen(lost: Session): void {
    if (session !== lost) return;
    session = null;
    deps.log.error({ dispatcher: lost.lease.identity.uuid }, 'lease lost: starting again under a new id');
    opening = open();
  }

  return {
    async start() {
      opening = open();
      await opening;
      deps.hints.listen('work', poke);
      for (const loop of [...loops, housekeeping]) loop.start();
    },
    async stop(graceMs) {
      isStopped = true;
      // Not waited for: nothing here rests on it, and in a database that does not answer it may take long.
      void housekeeping.stop();
      await Promise.all(loops.map((loop) => loop.stop()));
      await opening;
      await session?.stop(graceMs);
      session = null;
    },
    mayOwn: (projectUuid) => session?.mayOwn(projectUuid) ?? false,
    async startOwned(run) {
      if (!session) throw new Error('no lease');
      await session.startOwned(run);
    },
    poke,
    get stats() {
      return {
        ...(session?.stats ?? idleStats),
        circuitsOpen: endpoints.open,
        attemptsHeldBack: endpoints.heldTotal,
      };
    },
  };
}

/** Of a process that has no dispatcher, or one without a session. */
export const idleStats: DispatcherStats = {
  ...{
    runs: 0,
    runBytes: 0,
    largestRunBytes: 0,
    inFlight: 0,
    inFlightBytes: 0,
    answerBytes: 0,
    deliveriesWaiting: 0,
    journalPendingBytes: 0,
    journalStuckMs: 0,
    circuitsOpen: 0,
    attemptsHeldBack: 0,
  },
  isLeased: false,
};
