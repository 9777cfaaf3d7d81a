import type { DispatcherStore, LeaseStore } from '@waybill/dispatcher';
import type { JournalLane } from '@waybill/store';
import type { Catalogue } from '../catalogue.ts';
import { countPresent, flush } from './flush.ts';
import type { Link } from './link.ts';
import * as queries from './queries.ts';

export interface ModelStoreOptions {
  readonly link: Link;
  /** A connection of its own, as in production. */
  readonly heartbeats: Link;
  readonly catalogue: Catalogue;
  /** A lease is asked for under this name. */
  readonly onIdentity: (me: string) => void;
}

/** The model as one process sees it: the same port that `PostgresDispatcherStore` has. */
export function modelStore({ link, heartbeats, catalogue, onIdentity }: ModelStoreOptions): DispatcherStore {
  const openLane = (name: string): JournalLane => ({
    commit: (batch, owner) =>
      link.call(`${name}: ${batch.map(describe).join(' ')}`, (database) => flush(database, batch, owner)),
    countPresent: (batch) => link.call(`${name}: present?`, (database) => countPresent(database, batch)),
    close: async () => {},
  });
  const openLease: DispatcherStore['openLease'] = ({ uuid: me }): LeaseStore => {
    onIdentity(me);
    return leaseOf(me);
  };
  const leaseOf = (me: string): LeaseStore => ({
    register: () => heartbeats.call('register', (database) => database.register(me), 5000),
    heartbeat: () => heartbeats.call('heartbeat', (database) => database.heartbeat(me), 5000),
    release: () => heartbeats.call('release', (database) => queries.release(database, me), 5000),
    close: async () => {},
  });
  return {
    openLane,
    openLease,
    claimRuns: (me, room) => link.call('claim', (database) => queries.claimRuns(database, me, room)),
    ownedRuns: (me, among) => link.call('owned', (database) => queries.ownedRuns(database, me, among)),
    deleteDoneRuns: (me, runs) =>
      link.call('delete done', (database) => queries.deleteDoneRuns(database, me, runs)),
    readInbox: (me, limit) => link.call('inbox', (database) => queries.readInbox(database, me, limit)),
    deleteCommands: (rows) =>
      link.call('delete commands', (database) => {
        for (const { runUuid, id } of rows) database.deleteCommand(runUuid, id);
      }),
    rescueExpired: () => link.call('rescue', queries.rescueExpired),
    freeOrphans: (me) => link.call('orphans', (database) => queries.freeOrphans(database, me)),
    findRuns: (runs) => link.call('runs', (database) => queries.findRuns(database, runs)),
    readJournals: (runs) => link.call('journals', (database) => queries.readJournals(database, runs)),
    findPlan: (_, key) => link.call('plan', () => catalogue.planOf(key)),
    findLatestVersion: (_, key) => link.call('version', () => (catalogue.planOf(key) ? 1 : null)),
    findProject: (uuid) => link.call('project', () => ({ uuid, name: 'simulated', baseUrl: null })),
    liveSecrets: () => link.call('secrets', () => [catalogue.sealedSecret]),
    houseKeep: async () => {},
  };
}

type Described = Parameters<JournalLane['commit']>[0][number];

function describe({ entry, firstSeq }: Described): string {
  const { run, events, queue, done, consumed, children, posts } = entry;
  const types = events.map((event) =>
    'step' in event && event.step ? `${event.type}(${event.step})` : event.type,
  );
  const more = [
    ...(queue ? [queue.parkedUntilMs === null ? 'cleared' : 'parked'] : []),
    ...(done ? ['done'] : []),
    ...(consumed?.length ? [`-${consumed.length}`] : []),
    ...(children ?? []).map(({ uuid }) => `child ${shortOf(uuid)}`),
    ...(posts ?? []).map(({ runUuid }) => `post ${shortOf(runUuid)}`),
  ];
  return `[${shortOf(run.uuid)} ${firstSeq}: ${[...types, ...more].join(' ')}]`;
}

export function shortOf(uuid: string): string {
  return uuid.slice(-6);
}
