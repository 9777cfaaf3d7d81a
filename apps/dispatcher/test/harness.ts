import {
  compilePlan,
  createRunState,
  type Delivery,
  defaultRetryPolicy,
  evolve,
  type Plan,
  type RunEvent,
  type RunState,
  type StepDefinition,
  type WorkflowDefinition,
} from '@waybill/engine';
import { createId, type DefinitionChecks, defaultLimits, uuidOfId } from '@waybill/protocol';
import { createSigner, generateSigningSecret } from '@waybill/signing';
import { type Alarm, type JournalEntry, type NewRun, processRuntime, type StoreError } from '@waybill/store';
import type { Clock } from '../src/clock.ts';
import type { DriverContext } from '../src/driver-context.ts';
import { LazyStarts } from '../src/lazy-starts.ts';
import type { Project } from '../src/project-cache.ts';
import { RunDriver } from '../src/run-driver.ts';
import { SendQueue } from '../src/send-queue.ts';
import { Timers } from '../src/timers.ts';

export const projectUuid = newUuid();
export const secret = generateSigningSecret();
export const checks: DefinitionChecks = {
  baseUrl: null,
  limits: defaultLimits,
  now: () => 0,
  url: () => null,
  header: () => null,
};
const project: Project = { uuid: projectUuid, signer: createSigner([secret]), checks };

export function newUuid(): string {
  return uuidOfId('run', createId('run'))!;
}

export class FakeClock implements Clock {
  ms = 1_700_000_000_000;
  now = (): number => this.ms;
  monotonic = (): number => this.ms;
  adjust(): void {}
  after = (delayMs: number, fire: () => void): Alarm => processRuntime.after(delayMs, fire);
  soon = processRuntime.soon;
  random = processRuntime.random;
  uuid = processRuntime.uuid;
}

export function step(id: string, fields: Partial<StepDefinition> = {}): StepDefinition {
  const retries = { ...defaultRetryPolicy, backoff: 'fixed', jitter: false } as const;
  return { id, url: `https://a.test/${id}`, dependsOn: [], parallel: true, retries, timeout: 300, ...fields };
}

export function planOf(steps: readonly StepDefinition[], fields: Partial<WorkflowDefinition> = {}): Plan {
  return compilePlan({ id: 'flow', steps, timeout: 86_400, saga: false, failurePolicy: 'fail', ...fields });
}

export function newRun(fields: Partial<NewRun> = {}): NewRun {
  return {
    projectUuid,
    workflowKey: 'flow',
    version: 1,
    context: '{}',
    tags: [],
    metadata: null,
    createdAtMs: 1_700_000_000_000,
    startedAtMs: null,
    ...fields,
  };
}

export function infoOf(uuid = newUuid(), context = '{}') {
  const id = `run_${uuid}`;
  return {
    id,
    traceId: uuid.replaceAll('-', ''),
    workflowId: 'flow',
    version: 1,
    context,
    tags: [],
    metadata: null,
  };
}

export const success = { kind: 'success', status: 200, result: '{"ok":true}' } as const;
export function failure(retryable: boolean) {
  return { kind: 'failure', retryable, error: { code: 'http_500', message: 'no' }, status: 500 } as const;
}

/** An append that waits for the test to settle it. */
export interface HeldAppend {
  readonly entry: JournalEntry;
  commit(): Promise<void>;
  refuse(error: StoreError): Promise<void>;
}

/** What a session gives its drivers, with nothing behind it: appends and exchanges wait for the test. */
export class FakeContext implements DriverContext {
  readonly clock = new FakeClock();
  readonly limits = defaultLimits;
  readonly timers = new Timers(this.clock);
  readonly lazyStarts = new LazyStarts();
  readonly queue = new SendQueue({ isOpen: () => this.isOpen, hasRoom: () => true });
  readonly endpoints = { heldUntil: (_: unknown, delivery: Delivery) => this.holds.get(delivery) ?? null };
  /** Until when deliveries are held back. */
  readonly holds = new Map<Delivery, number>();
  readonly journal = { append: (entry: JournalEntry) => this.#hold(entry) };
  isOpen = true;
  readonly appends: HeldAppend[] = [];
  readonly committed: RunEvent[] = [];
  readonly reported: RunEvent[] = [];
  readonly sent: Delivery[] = [];
  readonly aborted: Delivery[] = [];
  readonly done: RunDriver[] = [];
  readonly failures: StoreError[] = [];
  readonly crashes: unknown[] = [];
  /** Thrown by the next exchanges. */
  crash: Error | null = null;

  exchange(_driver: RunDriver, delivery: Delivery): void {
    if (this.crash) throw this.crash;
    this.sent.push(delivery);
  }
  maySend(): boolean {
    return this.isOpen;
  }
  findWorkflow = async (): Promise<null> => null;
  onCrash(driver: RunDriver, error: unknown): void {
    this.crashes.push(error);
    driver.discard();
  }
  beforeTimeout(fire: () => void): void {
    fire();
  }
  abort(delivery: Delivery): void {
    this.aborted.push(delivery);
  }
  extend(): void {}
  onCommit(_driver: RunDriver, events: readonly RunEvent[]): void {
    this.reported.push(...events);
  }
  onDone(driver: RunDriver): void {
    this.done.push(driver);
    driver.discard();
  }
  onFailure(driver: RunDriver, error: StoreError): void {
    this.failures.push(error);
    driver.discard();
  }

  /** Commits what waits, in order, and what that makes wait. */
  async commitAll(): Promise<void> {
    while (this.appends.length > 0) await this.appends[0]!.commit();
  }

  #hold(entry: JournalEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = async (outcome: () => void) => {
        this.appends.splice(this.appends.indexOf(held), 1);
        outcome();
        await new Promise((turn) => setImmediate(turn));
      };
      const held: HeldAppend = {
        entry,
        commit: () =>
          settle(() => {
            this.committed.push(...entry.events);
            resolve();
          }),
        refuse: (error) => settle(() => reject(error)),
      };
      this.appends.push(held);
    });
  }
}

export function newDriver(context: DriverContext, plan: Plan, uuid = newUuid()): RunDriver {
  return new RunDriver({ runUuid: uuid, plan, info: infoOf(uuid), project, context });
}

/** Creates the run and commits its first row. */
export async function startedDriver(context: FakeContext, plan: Plan): Promise<RunDriver> {
  const driver = newDriver(context, plan);
  const created = driver.create(newRun({ createdAtMs: context.clock.now() }));
  await context.appends[0]!.commit();
  await created;
  return driver;
}

/** Folds a journal as a new owner reads it: through JSON. */
export function fold(plan: Plan, runId: string, journal: readonly RunEvent[]): RunState {
  const state = createRunState(plan, runId);
  for (const event of JSON.parse(JSON.stringify(journal)) as RunEvent[]) evolve(state, event);
  return state;
}

/** Everything a state holds, as text. */
export function snapshot(state: RunState): string {
  return JSON.stringify(state, (key, value) => {
    if (key === 'plan') return undefined;
    return key === 'laneQueue' ? value.size : value;
  });
}

export function types(events: readonly RunEvent[]): string[] {
  return events.map((event) => ('step' in event && event.step ? `${event.type} ${event.step}` : event.type));
}
