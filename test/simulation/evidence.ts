import { idOfUuid } from '@waybill/protocol';
import { decodeEvent } from '@waybill/store';
import type { Evidence, ObservedRun } from '../support/oracle.ts';
import type { Catalogue } from './catalogue.ts';
import type { Customers } from './customers.ts';
import type { Faults } from './faults.ts';
import type { Handlers } from './handlers.ts';
import type { ModelDatabase } from './model/database.ts';
import { fold } from './node.ts';
import { databaseFaults } from './swarm.ts';
import type { World } from './world.ts';

export interface Witnesses {
  readonly world: World;
  readonly database: ModelDatabase;
  readonly catalogue: Catalogue;
  readonly handlers: Handlers;
  readonly customers: Customers;
  readonly faults: Faults;
  readonly calmFromMs: number;
}

/** Every message gets through. */
export function hasReliableDatabase(faults: Faults): boolean {
  return [...databaseFaults].every((kind) => faults.rateOf(kind) === 0);
}

/** What the oracle is told of a simulation. */
export function evidenceOf({
  faults,
  world,
  database,
  catalogue,
  handlers,
  customers,
  calmFromMs,
}: Witnesses): Evidence {
  const isReliable = hasReliableDatabase(faults);
  return {
    acknowledgements: customers.acknowledgements,
    // A timeout does not wait for ever for an inbox that cannot be read.
    storedCallbacks: isReliable ? customers.storedCallbacks : [],
    requests: handlers.requests,
    runs: [...database.runs.entries()].map(([uuid]) => observe(uuid, database, catalogue)),
    staleWrites: database.staleWrites.map(({ runUuid, writer, owner }) => ({
      ...{ runId: idOfUuid('run', runUuid), writer, owner },
    })),
    // Engine time is what heartbeats made of it; a process may stand still between one and its answer.
    clockSlackMs: isReliable && faults.rateOf('stopEveryS') === 0 ? 200 : 3000,
    lastFaultAtMs: calmFromMs,
    observedAtMs: world.nowMs,
  };
}

function observe(uuid: string, database: ModelDatabase, catalogue: Catalogue): ObservedRun {
  const plan = catalogue.planOf(database.runs.get(uuid)!.workflowKey)!;
  const journal = database.eventsOf(uuid).map((row) => ({ seq: row.seq, event: decodeEvent(row) }));
  const { state, phase, steps } = fold(plan, uuid, journal);
  const queueRow = database.queue.get(uuid);
  return {
    runId: idOfUuid('run', uuid),
    definition: plan.definition,
    journal,
    status: { state, phase, steps: steps.map((step) => ({ id: step.plan.id, state: step.state })) },
    queueRow: queueRow ? { owner: queueRow.owner } : null,
    inboxRows: database.inboxOf(uuid).size,
  };
}
