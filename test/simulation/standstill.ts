import { type Delivery, dueDeliveries, type RunState } from '@waybill/engine';
import { idOfUuid, webhookId } from '@waybill/protocol';
import { decodeEvent } from '@waybill/store';
import type { Catalogue } from './catalogue.ts';
import type { Fleet } from './fleet.ts';
import type { ModelDatabase } from './model/database.ts';
import type { QueueRow } from './model/tables.ts';
import { fold } from './node.ts';
import type { World } from './world.ts';

export interface StandstillsOptions {
  readonly world: World;
  readonly database: ModelDatabase;
  readonly catalogue: Catalogue;
  readonly fleet: Fleet;
}

/** In a calm: a lease of the dead ends after 15 s, is noticed 5 s later, and their runs are claimed within a second. */
const stillMsMax = 30_000;
/** No circuit holds an attempt back for longer. */
const heldMsMax = 60_000;
const lookMs = 1000;

/**
 * I8 while the calm lasts: what is due goes out. A run whose delivery is forgotten ends all the same, by its timeout:
 * at the end nothing is to be seen of it. So once a second each delivery that is due by the journal is looked for on
 * the wire, and where it is not, for what explains it.
 */
export class Standstills {
  readonly violations: string[] = [];
  readonly #options: StandstillsOptions;
  /** Since when a delivery has been due without a reason that it was not sent. */
  readonly #since = new Map<string, number>();
  /** Folds, and the events that were folded. */
  readonly #folds = new Map<string, { readonly events: number; readonly state: RunState }>();

  constructor(options: StandstillsOptions) {
    this.#options = options;
  }

  /** Looks, and goes on looking. */
  watch(): void {
    this.#look();
    this.#options.world.after(lookMs, () => this.watch());
  }

  #look(): void {
    const { database, world } = this.#options;
    const seen = new Set<string>();
    for (const [uuid, row] of database.queue.entries()) {
      const state = this.#stateOf(uuid);
      for (const delivery of state === null ? [] : dueDeliveries(state)) {
        if (this.#isExplained(uuid, row, state!, delivery)) continue;
        // Whoever gets a run anew has all the time there is.
        const key = `${idOf(uuid, delivery)} ${delivery.attempts} ${row.owner}`;
        seen.add(key);
        const sinceMs = this.#since.get(key) ?? world.nowMs;
        this.#since.set(key, sinceMs);
        if (world.nowMs - sinceMs > this.#stillMsMax(row)) this.#report(uuid, row, state!, delivery);
      }
    }
    for (const key of this.#since.keys()) if (!seen.has(key)) this.#since.delete(key);
  }

  #stateOf(uuid: string): RunState | null {
    const { database, catalogue } = this.#options;
    const plan = catalogue.planOf(database.runs.get(uuid)?.workflowKey ?? '');
    const rows = database.eventsOf(uuid);
    if (!plan) return null;
    const before = this.#folds.get(uuid);
    if (before?.events === rows.length) return before.state;
    const journal = rows.map((each) => ({ seq: each.seq, event: decodeEvent(each) }));
    const state = fold(plan, uuid, journal);
    this.#folds.set(uuid, { events: rows.length, state });
    return state;
  }

  #stillMsMax({ owner }: QueueRow): number {
    const { dispatcher } = this.#options.fleet.ownerOf(owner) ?? {};
    return (dispatcher?.stats.circuitsOpen ?? 0) > 0 ? stillMsMax + heldMsMax : stillMsMax;
  }

  /** A pause, the serial lane, a `delay` and the places of a `forEach` have been looked at by the fold. */
  #isExplained(uuid: string, row: QueueRow, state: RunState, delivery: Delivery): boolean {
    const { world, fleet } = this.#options;
    if (delivery.retryAt !== null && delivery.retryAt > world.nowMs) return true;
    const open = fleet.openExchanges();
    if (open.has(idOf(uuid, delivery)) || this.#isAtCapacity(uuid, state, delivery, open)) return true;
    if (row.owner === null) return !this.#isClaimable(row);
    const owner = fleet.ownerOf(row.owner);
    return owner?.isOriginBusy(urlOf(state, delivery)) ?? false;
  }

  /** As many are in flight as the run may have: by its journal, or on their way into it. */
  #isAtCapacity(uuid: string, state: RunState, delivery: Delivery, open: ReadonlySet<string>): boolean {
    const { maxConcurrency } = state.plan.definition;
    if (delivery.kind !== 'step' || maxConcurrency === undefined) return false;
    const unrecorded = state.steps.filter(
      (step) => step.delivery && !step.delivery.open && open.has(idOf(uuid, step.delivery)),
    );
    return state.openExchanges - state.openChildren + unrecorded.length >= maxConcurrency;
  }

  /** Somebody has room for it; of those that may be killers one at a time is driven. */
  #isClaimable({ claims }: QueueRow): boolean {
    return claims < 2 && this.#options.fleet.hasRoomForRuns();
  }

  #report(uuid: string, { owner }: QueueRow, state: RunState, delivery: Delivery): void {
    const step = state.plan.steps[delivery.index]?.id ?? '';
    const whose = owner === null ? 'nobody owns' : 'somebody owns';
    const name = `${idOfUuid('run', uuid)}: ${delivery.kind} ${step}, attempt ${delivery.attempts + 1}`;
    const sentence = `I8 ${name}, is due and not sent in a calm, of a run that ${whose}`;
    if (!this.violations.includes(sentence)) this.violations.push(sentence);
  }
}

const idOf = (uuid: string, { kind, index, round }: Delivery) =>
  webhookId(idOfUuid('run', uuid), kind, index, round);

function urlOf(state: RunState, delivery: Delivery): string {
  if (delivery.kind === 'hook') return (delivery as RunState['hooks'][number]).url;
  const { url = '', compensation = '' } = state.plan.steps[delivery.index]!.definition;
  return delivery.kind === 'step' ? url : compensation;
}
