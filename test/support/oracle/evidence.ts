import type { RunEvent, WorkflowDefinition } from '@waybill/engine';

/** All that the oracle is told. Times are epoch ms of the database's clock, as well as it was known. */
export interface Evidence {
  readonly acknowledgements: readonly Acknowledgement[];
  /** In order of arrival. */
  readonly requests: readonly LoggedRequest[];
  readonly runs: readonly ObservedRun[];
  /** Where somebody could watch writers and owners: rows committed for a run that was another's. */
  readonly staleWrites?: readonly StaleWrite[];
  /** Callbacks that would end their step and were stored in time: from when on they lay in the database. */
  readonly storedCallbacks?: readonly StoredCallback[];
  readonly lastFaultAtMs: number;
  /** When the runs below were looked at. */
  readonly observedAtMs: number;
  /** How long after the last fault everything must be over. Default 30 s. */
  readonly settleMsMax?: number;
  /** How far the log of requests and the journal may disagree about time: clocks, and the way there. Default 2 s. */
  readonly clockSlackMs?: number;
}

/** An answer of the API that promises something. */
export type Acknowledgement =
  | { readonly kind: 'start'; readonly runId: string }
  /** 200 or 409; of a 202 that was never followed up there is nothing to hold. */
  | {
      readonly kind: 'command';
      readonly runId: string;
      readonly commandId: string;
      readonly outcome: 'applied' | 'refused';
    }
  /** 200 to a callback that ends its step, not to a heartbeat. */
  | {
      readonly kind: 'callback';
      readonly runId: string;
      readonly step: string;
      readonly attempt: number;
      readonly isSuccess: boolean;
      /** JSON text. */
      readonly result?: string;
    };

/** One request as a mock handler logged it. */
export interface LoggedRequest {
  readonly webhookId: string;
  readonly attempt: number;
  readonly atMs: number;
  readonly url: string;
  readonly kind: 'step' | 'compensation' | 'hook';
  readonly runId: string;
  /** Absent for hooks. */
  readonly step?: string;
}

export interface ObservedStep {
  readonly id: string;
  readonly state: string;
}

/** A run as database and API show it at the end. */
export interface ObservedRun {
  readonly runId: string;
  /** As stored, normalised. */
  readonly definition: WorkflowDefinition;
  readonly journal: readonly { readonly seq: number; readonly event: RunEvent }[];
  readonly status: {
    readonly state: string;
    readonly phase: string;
    readonly steps: readonly ObservedStep[];
  };
  /** Its queue row, if it has one. */
  readonly queueRow: { readonly owner: string | null } | null;
  readonly inboxRows: number;
}

export interface StoredCallback {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly atMs: number;
}

export interface StaleWrite {
  readonly runId: string;
  readonly writer: string;
  readonly owner: string | null;
}
