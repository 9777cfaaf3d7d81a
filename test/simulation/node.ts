import { createClock, createDispatcher, type Dispatcher, type Log, ProjectCache } from '@waybill/dispatcher';
import { createRunState, evolve, isTerminal, type Plan, type RunEvent } from '@waybill/engine';
import { defaultLimits, freshStateBytes, idOfUuid, uuidOfId } from '@waybill/protocol';
import { type InboxRow, Journal, type NewRun, type StoredEvent } from '@waybill/store';
import { type Catalogue, projectUuid } from './catalogue.ts';
import { context } from './definitions.ts';
import { type SimEgress, simEgress } from './egress.ts';
import type { Faults } from './faults.ts';
import type { Handlers } from './handlers.ts';
import { Link, type ModelServer } from './model/link.ts';
import * as queries from './model/queries.ts';
import { modelStore } from './model/store.ts';
import { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { callbackOptions } from './tokens.ts';
import type { World } from './world.ts';

/** What all processes of a simulation share: the world outside them. */
export interface Surroundings {
  readonly world: World;
  readonly server: ModelServer;
  readonly faults: Faults;
  readonly handlers: Handlers;
  readonly catalogue: Catalogue;
  /** Tells the others that there is work. */
  readonly hint: (from: SimNode) => void;
}

const limits = { ...defaultLimits, resultBytesMax: 1200, deliveryBytesMax: 60_000, runStateBytesMax: 14_000 };

/** One process with both roles, as `waybill serve` has them: an API that writes runs and commands, and a dispatcher. */
export class SimNode {
  readonly process: SimProcess;
  readonly dispatcher: Dispatcher;
  readonly #surroundings: Surroundings;
  readonly #link: Link;
  readonly #heartbeats: Link;
  readonly #journal: Journal;
  readonly #egress: SimEgress;
  readonly #identities = new Set<string>();
  readonly #runsMax: number;
  readonly #now: () => number;
  #onHint: () => void = () => {};
  /** It serves nothing before its first lease: until then its clock is that of its machine. */
  #isReady = false;
  isDraining = false;

  constructor(name: string, random: Random, surroundings: Surroundings) {
    const { world, server, faults, handlers, catalogue } = surroundings;
    this.#surroundings = surroundings;
    const isSkewed = random.chance(faults.rateOf('clockSkew'));
    if (isSkewed) faults.count('clockSkew');
    const skewMs = isSkewed ? random.int(-300_000, 300_000) : 0;
    const rate = isSkewed ? random.between(0.999, 1.001) : 1;
    this.process = new SimProcess({ world, name, random: random.fork('process'), skewMs, rate });
    const { runtime } = this.process;
    const clock = createClock({ runtime, epochMs: () => this.process.epochMs() });
    this.#now = clock.now;
    this.#link = new Link({ world, server, faults, process: this.process, random: random.fork('link') });
    this.#heartbeats = new Link({
      world,
      server,
      faults,
      process: this.process,
      random: random.fork('heartbeats'),
    });
    const store = modelStore({
      link: this.#link,
      heartbeats: this.#heartbeats,
      catalogue,
      onIdentity: (me) => this.#identities.add(me),
    });
    const isOwned = (runId: string) => {
      const owner = server.database.queue.get(uuidOfId('run', runId)!)?.owner ?? null;
      return owner !== null && this.#identities.has(owner);
    };
    const isSmall = random.chance(faults.rateOf('littleRoom'));
    if (isSmall) faults.count('littleRoom');
    this.#egress = simEgress({
      ...{ world, faults, handlers, process: this.process, random: random.fork('egress') },
      isOwned,
      connectionsPerOrigin: isSmall ? random.int(1, 2) : 6,
    });
    this.#runsMax = isSmall ? random.int(2, 5) : 100;
    const checks = { url: () => null, header: () => null, limits, now: clock.now };
    this.dispatcher = createDispatcher({
      store,
      clock,
      limits,
      log: logTo(world, name),
      hints: {
        notify: () => surroundings.hint(this),
        listen: (_, onHint) => {
          this.#onHint = onHint;
        },
      },
      egress: this.#egress,
      projects: new ProjectCache(catalogue.keyring, checks, runtime),
      runsMax: this.#runsMax,
      runBytesMax: 1_000_000,
      inFlightMax: isSmall ? 4 : 100,
      inFlightBytesMax: 2 ** 26,
      callbacks: callbackOptions,
      onCommit: () => {},
    });
    this.#journal = new Journal({ openLane: store.openLane, fence: null, runtime });
  }

  get isUsable(): boolean {
    return this.process.state === 'running' && this.#isReady && !this.isDraining;
  }

  /** Of exchanges under way. */
  get openExchanges(): ReadonlySet<string> {
    return this.#egress.open;
  }

  /** It has, or had, a lease of this name. */
  isKnownAs(identity: string): boolean {
    return this.#identities.has(identity);
  }

  /** A project has at most nine tenths of the places, and one is always left then. */
  get hasRoomForRuns(): boolean {
    const { runs, isLeased } = this.dispatcher.stats;
    return this.isUsable && isLeased && runs < Math.ceil(this.#runsMax * 0.9);
  }

  /** Something waits in it, and something is under way to the origin of this URL: that takes its place. */
  isOriginBusy(url: string): boolean {
    const { deliveriesWaiting } = this.dispatcher.stats;
    return deliveriesWaiting > 0 && this.#egress.isBusy(url);
  }

  async serve(): Promise<void> {
    await this.dispatcher.start();
    this.#isReady = true;
  }

  muteHeartbeats(forMs: number): void {
    this.#heartbeats.mute(forMs);
  }

  hinted(): void {
    this.process.run(() => this.#onHint());
  }

  /** Resolves when the run is durable. @throws whatever kept it from being written, or hid that it was. */
  async start(uuid: string, plan: Plan, mayOwn: boolean): Promise<void> {
    const createdAtMs = this.#now();
    const row: NewRun = {
      projectUuid,
      workflowKey: plan.definition.id,
      version: 1,
      context,
      tags: [],
      metadata: null,
      createdAtMs,
      stateBytes: freshStateBytes(plan, context),
      startedAtMs: null,
    };
    if (mayOwn && this.dispatcher.mayOwn(projectUuid))
      return await this.dispatcher.startOwned({ uuid, row, plan });
    const events: RunEvent[] = [{ type: 'run.created', at: createdAtMs }];
    const run = { uuid, seq: 0, isDiscarded: false };
    await this.#journal.append({ run, events, create: row, bytes: context.length + 500 });
    this.#surroundings.hint(this);
  }

  /** As the API does: of a run that has ended only a retry is asked, and a retry of none else. */
  async post(row: InboxRow, plan: Plan): Promise<boolean> {
    const { type } = JSON.parse(row.command) as { readonly type: string };
    const { state, phase } = fold(plan, row.runUuid, await this.read(row.runUuid));
    const reopens = type === 'retry' || type === 'resendHook';
    const isOver = type === 'pause' || type === 'resume' ? phase === 'done' : isTerminal(state);
    if (reopens ? type === 'retry' && state !== 'failed' : isOver) return false;
    const isPosted = reopens
      ? await this.#link.call('reopen', (database) => {
          queries.reopenRun(database, { ...row, projectUuid, bytes: context.length });
          return true;
        })
      : await this.#link.call('post', (database) => queries.postCommand(database, row));
    this.#surroundings.hint(this);
    this.dispatcher.poke();
    return isPosted;
  }

  async read(runUuid: string): Promise<readonly StoredEvent[]> {
    const journals = await this.#link.call('read', (database) => queries.readJournals(database, [runUuid]));
    return journals.get(runUuid) ?? [];
  }

  /** SIGTERM: resolves when it would exit. */
  async drain(graceMs: number): Promise<void> {
    this.isDraining = true;
    await this.dispatcher.stop(graceMs);
    await this.#journal.close();
  }
}

export function fold(plan: Plan, uuid: string, journal: readonly StoredEvent[]) {
  const state = createRunState(plan, idOfUuid('run', uuid), context);
  for (const { seq, event } of journal) {
    try {
      evolve(state, event);
    } catch (error) {
      throw new Error(`row ${seq} of ${uuid} does not fold: ${JSON.stringify(event)}`, { cause: error });
    }
  }
  return state;
}

function logTo(world: World, name: string): Log {
  const log = (level: string) => (fields: unknown, message?: string) => {
    const { err } = (typeof fields === 'object' ? fields : {}) as { err?: unknown };
    world.note(`${name} ${level}: ${message ?? fields}${err === undefined ? '' : ` (${err})`}`);
  };
  return { info: log('info'), warn: log('warn'), error: log('error') } as Log;
}
