import type { RunEvent } from '@waybill/engine';
import type { JournalEntry, NewRun, NumberedEntry, RunRef } from '@waybill/store';
import { projectUuid } from '../catalogue.ts';
import type { Random } from '../random.ts';

/** What both a real store and the model are asked, one transaction each. */
export type Operation =
  | { readonly kind: 'register' | 'heartbeat' | 'release' | 'expire' | 'freeOrphans'; readonly me: string }
  | { readonly kind: 'rescueExpired' }
  | { readonly kind: 'commit'; readonly batch: readonly NumberedEntry[]; readonly owner: string | null }
  | { readonly kind: 'countPresent'; readonly batch: readonly NumberedEntry[] }
  | { readonly kind: 'claim'; readonly me: string; readonly suspect: boolean }
  | { readonly kind: 'owned' | 'readInbox'; readonly me: string }
  | {
      readonly kind: 'deleteDone';
      readonly me: string;
      readonly seq: number;
      readonly runs: readonly string[];
    }
  | { readonly kind: 'post' | 'reopen' | 'deleteCommand'; readonly run: string; readonly id: string };

const pool = (prefix: string, count: number) =>
  Array.from(
    { length: count },
    (_, index) => `01900000-0000-7000-8000-${prefix}${String(index).padStart(10, '0')}`,
  );

const dispatchers = pool('d1', 3);
const ids = pool('c1', 3);
const origins = [
  { delivery: 'step', step: 'a' },
  { delivery: 'hook', step: null },
];
const farFutureMs = Date.UTC(2100, 0, 1);

/** Draws operations that often meet: few runs, few dispatchers, few command ids. Runs have ids of now: partitions. */
export class Operations {
  readonly #random: Random;
  readonly #runs: readonly string[];
  /** As a driver would have it, were there one for each run. */
  readonly #seqs = new Map<string, number>();
  #registered = 0;
  #last: readonly NumberedEntry[] = [];

  constructor(random: Random, nowMs: number) {
    this.#random = random;
    this.#runs = Array.from({ length: 6 }, (_, index) => random.uuid(nowMs + index));
  }

  /** The batch of this commit is there. */
  committed(batch: readonly NumberedEntry[]): void {
    for (const { entry, firstSeq } of batch) {
      const newest = firstSeq + entry.events.length - 1;
      this.#seqs.set(entry.run.uuid, Math.max(this.#seqs.get(entry.run.uuid) ?? 0, newest));
    }
  }

  next(): Operation {
    const random = this.#random;
    const fresh = dispatchers[this.#registered++];
    if (fresh !== undefined) return { kind: 'register', me: fresh };
    const me = random.pick(dispatchers);
    const run = random.pick(this.#runs);
    const id = random.pick(ids);
    switch (random.int(0, 17)) {
      case 0:
        return { kind: 'heartbeat', me };
      case 1:
        return { kind: random.pick(['release', 'expire', 'freeOrphans'] as const), me };
      case 2:
        return { kind: 'rescueExpired' };
      case 3:
      case 4:
        return { kind: 'claim', me, suspect: random.chance(0.5) };
      case 5:
        return { kind: random.pick(['owned', 'readInbox'] as const), me };
      case 6: {
        // Nobody asks for none.
        const runs = [run, ...this.#runs.filter((other) => other !== run && random.chance(0.4))];
        return { kind: 'deleteDone', me, runs, seq: random.pick([0, 2, 100]) };
      }
      case 7:
      case 8:
        return { kind: random.pick(['post', 'reopen', 'deleteCommand'] as const), run, id };
      case 9:
        return { kind: 'countPresent', batch: this.#last };
      case 10:
        return { kind: 'register', me };
      default:
        this.#last = this.#batch();
        return { kind: 'commit', batch: this.#last, owner: random.chance(0.15) ? null : me };
    }
  }

  #batch(): NumberedEntry[] {
    const random = this.#random;
    const runs = random.shuffle(this.#runs).slice(0, random.int(1, 2));
    return runs.map((uuid) => this.#entry(uuid));
  }

  #entry(uuid: string): NumberedEntry {
    const random = this.#random;
    const known = this.#seqs.get(uuid) ?? 0;
    const isNew = known === 0 || random.chance(0.1);
    const run: RunRef = { uuid, seq: 0, isDiscarded: false };
    const isParking = !isNew && random.chance(0.2);
    const events = isParking ? [] : this.#events(isNew);
    // Now and then as a stale driver has it.
    const firstSeq = isNew ? 1 : Math.max(1, known + 1 - (random.chance(0.15) ? 1 : 0));
    const entry: JournalEntry = { run, events, bytes: 100, ...(isNew ? { create: this.#run() } : {}) };
    return { entry: { ...entry, ...this.#extras(uuid, isParking) }, firstSeq };
  }

  #events(isNew: boolean): RunEvent[] {
    const random = this.#random;
    if (isNew) return [{ type: 'run.created', at: 1, ...(random.chance(0.5) ? { started: true } : {}) }];
    const attempt = random.int(1, 3);
    const of = { at: random.int(1, 9), delivery: 'step', step: 'a', attempt } as const;
    const result = random.pick(['{"a":1}', '"it\'s"', 'null']);
    return random.pick<RunEvent[]>([
      [{ type: 'attempt.started', ...of }],
      [
        { type: 'step.completed', ...of, startedAt: 1, result },
        { type: 'run.completed', at: 5 },
      ],
    ]);
  }

  #run(): NewRun {
    const random = this.#random;
    return {
      projectUuid,
      workflowKey: 'flow',
      version: 1,
      context: '{}',
      tags: random.chance(0.5) ? [] : ['a "quoted" tag'],
      metadata: random.chance(0.5) ? null : '{"k":"v"}',
      createdAtMs: 7,
      stateBytes: random.pick([undefined, 900]),
      startedAtMs: random.pick([null, 7]),
    };
  }

  #extras(uuid: string, isParking: boolean): Partial<JournalEntry> {
    const random = this.#random;
    const bytes = random.int(1, 999);
    const extras: Partial<JournalEntry> = {
      ...(random.chance(0.3) ? { consumed: [random.pick(ids)] } : {}),
      ...(random.chance(0.2) ? { done: true } : {}),
      ...(random.chance(0.2) ? { change: { state: 'failed', startedAtMs: 1, finishedAtMs: bytes } } : {}),
      ...(random.chance(0.2)
        ? { posts: [{ runUuid: random.pick(this.#runs), id: random.pick(ids), command: '{}' }] }
        : {}),
      ...(random.chance(0.2) ? { gone: [this.#gone(uuid), this.#gone(uuid)] } : {}),
      ...(random.chance(0.2) ? { children: [this.#child(uuid)] } : {}),
      ...(random.chance(0.2) ? { queue: { bytes, parkedUntilMs: null } } : {}),
    };
    if (!isParking) return extras;
    return { queue: { bytes, parkedUntilMs: random.pick([farFutureMs, 1000]) } };
  }

  #gone(runUuid: string): NonNullable<JournalEntry['gone']>[number] {
    const url = `https://h.test/${this.#random.pick(['a', "it's", 'z'])}`;
    return { projectUuid, url, runUuid, ...this.#random.pick(origins) };
  }

  /** Of few ids, so that it is there already now and then. */
  #child(parent: string): NonNullable<JournalEntry['children']>[number] {
    const event: RunEvent = {
      type: 'run.created',
      at: 3,
      parent: { run: parent, step: 's', round: 0, depth: 1 },
    };
    return { uuid: this.#random.pick(this.#runs), run: { ...this.#run(), startedAtMs: null }, event };
  }
}
