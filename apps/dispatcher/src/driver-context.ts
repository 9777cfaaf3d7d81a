import type { Delivery, RunEvent } from '@waybill/engine';
import type { Limits } from '@waybill/protocol';
import type { Journal, StoreError } from '@waybill/store';
import type { FoundWorkflow } from './children.ts';
import type { Clock } from './clock.ts';
import type { LazyStarts } from './lazy-starts.ts';
import type { RunDriver } from './run-driver.ts';
import type { SendQueue } from './send-queue.ts';
import type { SparedEndpoints } from './spared-endpoints.ts';
import type { Timers } from './timers.ts';

/** What all drivers of a session share. */
export interface DriverContext {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'append'>;
  readonly timers: Timers;
  readonly lazyStarts: LazyStarts;
  readonly queue: SendQueue;
  readonly limits: Limits;
  readonly endpoints: Pick<SparedEndpoints, 'heldUntil'>;
  /** Whether the lease allows to send in this very tick. */
  maySend(): boolean;
  /** Sends the delivery's open attempt; its end comes back as `driver.endAttempt`. */
  exchange(driver: RunDriver, delivery: Delivery): void;
  abort(delivery: Delivery): void;
  /** Its open attempt may take until then; engine time in ms. */
  extend(delivery: Delivery, until: number): void;
  onCommit(driver: RunDriver, events: readonly RunEvent[]): void;
  onDone(driver: RunDriver): void;
  /** The latest version of a workflow, or null when the project has none of that key. */
  findWorkflow(projectUuid: string, key: string): Promise<FoundWorkflow | null>;
  /** Reads the inbox first: a callback stored in time beats the timeout. */
  beforeTimeout(fire: () => void): void;
  /** Our own code threw over this run: it must not take the others down. */
  onCrash(driver: RunDriver, error: unknown): void;
  /** The journal did not take a transition: memory is ahead of the truth. */
  onFailure(driver: RunDriver, error: StoreError): void;
}
