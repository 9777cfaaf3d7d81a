import type { Plan, RunEvent } from '@waybill/engine';
import type { Limits, ProblemCode } from '@waybill/protocol';
import type { ApprovalTokens, CallbackTokens } from '@waybill/signing';
import type { Database, Hints, Journal, NewRun, PlanCache } from '@waybill/store';
import type { Logger } from 'pino';

/** The dispatcher in the same process, if there is one: starts and commands need not wait for a poll. */
export interface LocalDispatcher {
  mayOwn(projectUuid: string): boolean;
  startOwned(run: { readonly uuid: string; readonly row: NewRun; readonly plan: Plan }): Promise<void>;
  poke(): void;
}

/** Transitions as they become durable in this process. */
export type CommitListener = (runUuid: string, events: readonly RunEvent[]) => void;

export interface ApiDeps {
  readonly database: Database;
  /** For what is written beside the journal; absent: the same connections as for reading. */
  readonly writeDatabase?: Database;
  /** Unfenced: it writes only rows that no owner writes. */
  readonly journal: Journal;
  readonly hints: Hints;
  readonly plans: PlanCache;
  readonly limits: Limits;
  readonly log: Logger;
  readonly dispatcher: LocalDispatcher | null;
  /** How long a command's outcome is waited for before it is answered 202; 5 s when absent. */
  readonly outcomeWaitMs?: number;
  /** Runs that are being started in this process at once; 4,000 when absent. */
  readonly startsMax?: number | undefined;
  /** Runs of one project that wait for a dispatcher; 5,000 when absent. */
  readonly backlogMax?: number | undefined;
  /** Requests that wait for a run in this process at once; 10,000 when absent. */
  readonly waitsMax?: number | undefined;
  /** Event streams open in this process at once; 1,000 when absent. */
  readonly eventStreamsMax?: number | undefined;
  /** A stream on which nothing happens says so this often; 15 s when absent. */
  readonly streamHeartbeatMs?: number;
  readonly callbackTokens: Pick<CallbackTokens, 'read'>;
  readonly approvalTokens: ApprovalTokens;
  /** Where people reach this API, without a slash at the end; null when nobody has said. */
  readonly publicUrl: string | null;
  /** What the deployment lets steps call; null, or what is wrong. */
  readonly checkUrl: (url: string) => string | null;
  readonly checkHeader: (name: string, value: string) => string | null;
  /** What else keeps this process from its work; empty when nothing does. */
  readonly ready: () => readonly string[];
  readonly metrics: MetricsSource;
  /** Epoch ms. */
  readonly now: () => number;
}

/** This process's metrics in the text format of Prometheus. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
  /** A request was told to come again, with 429 or 503. */
  refused(code: ProblemCode): void;
}

export interface Principal {
  readonly projectUuid: string;
  readonly baseUrl: string | null;
  readonly scopes: ReadonlySet<Scope>;
}

export type Scope = 'runs:read' | 'runs:write' | 'workflows:write' | 'admin';

/** Hono's context variables. */
export interface ApiEnv {
  Variables: { principal: Principal; requestId: string; limits: Limits };
}
