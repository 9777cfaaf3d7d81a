import type { Command, Plan, RunEvent } from '@waybill/engine';
import type { RunInfo } from '@waybill/protocol';
import type { CollectedEffects } from './collected-effects.ts';
import type { DriverContext } from './driver-context.ts';
import type { Project } from './project-cache.ts';

export interface DriverOptions {
  readonly runUuid: string;
  readonly plan: Plan;
  readonly info: RunInfo & { readonly traceId: string };
  readonly project: Project;
  readonly context: DriverContext;
}

/** Why a run may not be driven on. */
export interface Quarantine {
  readonly code: string;
  readonly message: string;
}

export type EndedExchange = Extract<Command, { type: 'endAttempt' }>['outcome'] | 'lost';

export type Released = Pick<CollectedEffects, 'revokedDeliveries' | 'dueDeliveries' | 'wakes' | 'onCommit'>;

/** A transition in memory, still to be recorded. */
export interface Applied {
  readonly events: readonly RunEvent[];
  readonly effects: CollectedEffects;
  /** The run began to end. */
  readonly isEnding: boolean;
}
