import { isTerminal, type RunStateName, type StepDefinition } from '@waybill/engine';
import { idOfUuid, uuidOfId } from '@waybill/protocol';
import { sqlState } from '@waybill/store';
import type { Acknowledgement, StoredCallback } from '../support/oracle.ts';
import type { Catalogue } from './catalogue.ts';
import { signalNames, stepsBelow } from './definitions.ts';
import type { Faults } from './faults.ts';
import type { CallbackToSend } from './handlers.ts';
import type { ModelDatabase } from './model/database.ts';
import { fold, type SimNode } from './node.ts';
import type { Random } from './random.ts';
import type { FaultKind } from './swarm.ts';
import type { World } from './world.ts';

export interface CustomersOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
  readonly catalogue: Catalogue;
  readonly database: ModelDatabase;
  /** One that takes requests now, or null. */
  readonly node: () => SimNode | null;
}

type Posted = { readonly type: string } & Readonly<Record<string, unknown>>;

const requestMsMax = 8000;
const outcomeMsMax = 5000;

/** Whoever speaks to the API: starts runs, sends commands and callbacks, and keeps what was acknowledged. */
export class Customers {
  readonly acknowledgements: Acknowledgement[] = [];
  readonly storedCallbacks: StoredCallback[] = [];
  readonly #options: CustomersOptions;
  /** Requests under way. */
  #open = 0;

  constructor(options: CustomersOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#open > 0;
  }

  /** Starts a run, again under the same key until it is acknowledged. */
  async start(uuid: string, key: string): Promise<void> {
    const { world, catalogue } = this.#options;
    const plan = catalogue.planOf(key)!;
    world.note(`start ${key} as ${uuid}`);
    for (let round = 0; ; round++) {
      const isWritten = await this.#request((node) => node.start(uuid, plan, round === 0).then(() => true));
      const isThere = isWritten ?? (await this.#request(async (node) => (await node.read(uuid)).length > 0));
      if (isThere) {
        this.acknowledgements.push({ kind: 'start', runId: idOfUuid('run', uuid) });
        return;
      }
      await this.#pause(1000);
    }
  }

  /** At a random run, whatever it is doing. */
  command(kind: FaultKind): void {
    const { random, database, faults, world } = this.#options;
    const runs = [...database.queue.entries(), ...database.queue.entries()].map(([uuid]) => uuid);
    const ended = [...this.#ended()];
    const target =
      (kind === 'retry' || kind === 'resendHook') && ended.length > 0
        ? random.pick(ended)
        : runs.length > 0
          ? random.pick(runs)
          : null;
    if (target === null) return;
    faults.count(kind);
    void this.#command(target, this.#commandOf(kind, target));
    if (kind !== 'pause' || !random.chance(0.7)) return;
    world.after(random.skewed(500, 40_000), () => void this.#command(target, { type: 'resume' }));
  }

  /** What a handler sends. */
  callBack({ claims, isSuccess, isHeartbeat, result }: CallbackToSend): void {
    const { random } = this.#options;
    const { step, round, attempt, run } = claims;
    const error = { code: 'handler_failed', message: 'no' };
    const failure = { kind: 'failure', retryable: random.chance(0.5), error, status: 200 };
    const ended = isSuccess ? { kind: 'success', status: 200, result } : failure;
    const outcome = isHeartbeat ? { kind: 'heartbeat', progress: 50 } : ended;
    const command = { type: 'callback', step, round, attempt, outcome };
    const onStored = (atMs: number) => {
      if (!isHeartbeat && isSuccess) this.storedCallbacks.push({ runId: run, step, attempt, atMs });
    };
    void this.#command(uuidOfId('run', run)!, command, onStored).then((applied) => {
      if (!applied || isHeartbeat) return;
      const told = isSuccess ? { result } : {};
      this.acknowledgements.push({ kind: 'callback', runId: run, step, attempt, isSuccess, ...told });
    });
  }

  /** Whoever paused a run resumes it in the end. */
  async resumeAll(): Promise<void> {
    const { database, catalogue } = this.#options;
    for (const [uuid] of [...database.queue.entries()]) {
      const plan = catalogue.planOf(database.runs.get(uuid)?.workflowKey ?? '');
      if (!plan) continue;
      const journal = await this.#request((node) => node.read(uuid));
      if (journal && fold(plan, uuid, journal).isPaused) await this.#command(uuid, { type: 'resume' });
    }
  }

  *#ended(): Generator<string> {
    const { database } = this.#options;
    for (const [uuid, { state }] of database.runs.entries())
      if (isTerminal(state as RunStateName)) yield uuid;
  }

  #commandOf(kind: FaultKind, target: string): Posted {
    const { random, database, catalogue } = this.#options;
    const plan = catalogue.planOf(database.runs.get(target)?.workflowKey ?? '');
    const step = random.pick(plan?.steps ?? [])?.id ?? 's0';
    switch (kind) {
      case 'cancel':
        return { type: 'cancel', compensate: random.chance(0.7) };
      case 'signal':
        return { type: 'signal', name: random.pick(signalNames), payload: '1' };
      case 'byHand':
        return { type: random.pick(['skipStep', 'completeStep']), step };
      case 'resendHook':
        return { type: 'resendHook', hook: random.pick(['onComplete', 'onError']) };
      case 'addSteps': {
        const steps: StepDefinition[] = stepsBelow(random, step);
        return { type: 'addSteps', steps };
      }
      default:
        return { type: kind };
    }
  }

  /** Whether its owner said that it is applied; null when nobody has said anything in time. */
  async #command(
    runUuid: string,
    command: Posted,
    onStored: (atMs: number) => void = () => {},
  ): Promise<boolean | null> {
    const { random, database, catalogue, world } = this.#options;
    const plan = catalogue.planOf(database.runs.get(runUuid)?.workflowKey ?? '');
    if (!plan) return null;
    const id = random.uuid(world.nowMs);
    const row = { runUuid, id, command: JSON.stringify(command) };
    world.note(`command ${command.type} ${id.slice(-6)} to ${runUuid.slice(-6)}`);
    for (let round = 0; round < 3; round++) {
      const isPosted = await this.#request((node) =>
        node.post(row, plan).catch((error) => {
          // It lies there already.
          if (sqlState(error) === '23505') return true;
          throw error;
        }),
      );
      if (isPosted === false) return null;
      if (isPosted) onStored(world.nowMs);
      const outcome = await this.#outcome(runUuid, id);
      if (outcome === null) continue;
      this.acknowledgements.push({
        kind: 'command',
        runId: idOfUuid('run', runUuid),
        commandId: id,
        outcome,
      });
      return outcome === 'applied';
    }
    return null;
  }

  async #outcome(runUuid: string, commandId: string): Promise<'applied' | 'refused' | null> {
    const { world } = this.#options;
    for (const untilMs = world.nowMs + outcomeMsMax; world.nowMs < untilMs; ) {
      const journal = (await this.#request((node) => node.read(runUuid))) ?? [];
      for (const { event } of journal) {
        if (!('commandId' in event) || event.commandId !== commandId) continue;
        return event.type === 'command.applied' ? 'applied' : 'refused';
      }
      await this.#pause(700);
    }
    return null;
  }

  /** Null when no answer came, whatever that means. */
  #request<T>(send: (node: SimNode) => Promise<T>): Promise<T | null> {
    const { world, node } = this.#options;
    const chosen = node();
    if (!chosen) return this.#pause(500).then(() => null);
    this.#open++;
    return new Promise<T | null>((resolve) => {
      const end = (value: T | null) => {
        this.#open--;
        timeout.cancel();
        end.isOver ||= true;
        resolve(value);
      };
      end.isOver = false;
      const once = (value: T | null) => !end.isOver && end(value);
      const timeout = world.after(requestMsMax, () => once(null));
      send(chosen).then(once, () => once(null));
    });
  }

  #pause(ms: number): Promise<void> {
    const { world } = this.#options;
    this.#open++;
    return new Promise((resolve) => {
      world.after(ms, () => {
        this.#open--;
        resolve();
      });
    });
  }
}
