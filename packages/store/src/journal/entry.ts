import type { RunEvent } from '@waybill/engine';
import type { GoneEndpoint } from '../gone-endpoints.ts';
import type { InboxRow } from '../inbox.ts';

/**
 * A run as the journal sees it: one object per driver, so that a driver that was discarded can never be
 * confused with the one loaded after it.
 */
export interface RunRef {
  readonly uuid: string;
  /** The seq of the newest row given to the journal. */
  seq: number;
  /** An entry of it failed: later ones rest on rows that are not there, and fail too. */
  isDiscarded: boolean;
}

export interface NewRun {
  readonly projectUuid: string;
  readonly workflowKey: string;
  readonly version: number;
  readonly context: string;
  readonly tags: readonly string[];
  /** JSON text of a flat object. */
  readonly metadata: string | null;
  readonly createdAtMs: number;
  /** What its state will take in memory; without it, what the entry has. */
  readonly stateBytes?: number | undefined;
  /** Epoch ms of the first claim, when the dispatcher that writes the run owns it from the start. */
  readonly startedAtMs: number | null;
  /** Epoch ms: nobody claims it before; now when absent. */
  readonly startAtMs?: number | undefined;
}

/**
 * A run that another run starts: written unowned and ready now. Its id is derived from what starts it, so that
 * rows which are there already are the same ones and are left alone.
 */
export interface NewChild {
  readonly uuid: string;
  /** `startedAtMs` is null: whoever claims it starts it. */
  readonly run: NewRun;
  /** Its `run.created`: seq 1. */
  readonly event: RunEvent;
}

/** How the `runs` row changes: at the first claim and at the end. */
export interface RunChange {
  readonly state: string;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

/**
 * How the queue row of a run changes while the run goes on. It also says that the run has made progress under
 * its owner: the rescues counted so far count no longer.
 */
export interface QueueChange {
  /** What the run's state takes in memory. */
  readonly bytes: number;
  /**
   * Epoch ms; null: it stays with its owner. Else it has none from here on, and is ready at that time, which is that
   * of no other parking of the run: a message that comes late must be told from a new one.
   */
  readonly parkedUntilMs: number | null;
}

/** All rows of one transition of one run. They commit together. */
export interface JournalEntry {
  readonly run: RunRef;
  /** None only with `queue`: what changes there may be written twice. */
  readonly events: readonly RunEvent[];
  readonly create?: NewRun | undefined;
  readonly change?: RunChange | undefined;
  /** Nothing is left to send: the queue row and the run's inbox rows go. */
  readonly done?: boolean | undefined;
  readonly queue?: QueueChange | undefined;
  /** Inbox rows that these events answer. */
  readonly consumed?: readonly string[] | undefined;
  /** Runs that these events start. */
  readonly children?: readonly NewChild[] | undefined;
  /** Commands to other runs. Those that have ended by then get none. */
  readonly posts?: readonly InboxRow[] | undefined;
  /** URLs that answered 410; those that are marked already stay as they are. */
  readonly gone?: readonly GoneEndpoint[] | undefined;
  /** Bytes of the payloads, those of `children` and `posts` too: for batch limits and back-pressure. */
  readonly bytes: number;
}
