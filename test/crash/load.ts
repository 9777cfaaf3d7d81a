import type { Acknowledgement } from '../support/oracle.ts';
import type { Random } from '../support/random.ts';
import { type Caller, pause } from './caller.ts';
import type { Mock, PendingStep } from './mock.ts';
import { pickShape, type Shape, shapes } from './shapes.ts';

export interface LoadOptions {
  readonly caller: Caller;
  readonly mock: Mock;
  readonly random: Random;
  readonly among?: readonly Shape[];
  /** Runs under way at once. */
  readonly concurrency?: number;
  readonly startsPerSecondMax?: number;
  /** Starts that have an Idempotency-Key. */
  readonly keyShare?: number;
  /** After how long a client does what its run needs, in ms. */
  readonly deedAfterMs?: readonly [least: number, most: number];
}

/** A run as its client knows it. */
interface Life {
  readonly shape: Shape;
  readonly runId: string;
  /** Types of its hooks: that of a failed round may come behind that of the next. */
  readonly hooks: Set<string>;
  onHook: () => void;
}

/** Clients: they start runs, do what each needs, and write down every answer that promises something. */
export class Load {
  readonly acknowledgements: Acknowledgement[] = [];
  /** Answers that no fault excuses. */
  readonly violations: string[] = [];
  /** How each run may end. */
  readonly statesOf = new Map<string, readonly string[]>();
  /** Numbers of the starts that had an Idempotency-Key. */
  readonly keyed = new Set<number>();
  onMove: (runId: string) => void = () => {};
  readonly #options: LoadOptions;
  readonly #lives = new Map<string, Life>();
  readonly #early = new Map<string, Set<string>>();
  readonly #underWay = new Set<Promise<void>>();
  #started = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    options.mock.events = {
      onMove: (runId) => this.onMove(runId),
      onHook: (runId, type) => this.#hooked(runId, type),
      onPending: (step) => this.#track(this.#callBack(step)),
    };
  }

  get started(): number {
    return this.#started;
  }

  /** Runs that were acknowledged and whose end has not been heard of. */
  get runsUnderWay(): string[] {
    return [...this.#lives.keys()];
  }

  /** Stores the definitions. */
  async prepare(): Promise<void> {
    const { caller, among = [] } = this.#options;
    for (const { key, definition } of new Set([...shapes, ...among]))
      await caller.call('PUT', `/v1/workflows/${key}`, definition);
  }

  /** Starts runs as long as it is told to, and comes back when nothing new is begun. */
  async run(isWanted: () => boolean): Promise<void> {
    const { concurrency = 60, startsPerSecondMax = 40, random } = this.#options;
    let nextAt = performance.now();
    let lives = 0;
    while (isWanted()) {
      if (lives >= concurrency || performance.now() < nextAt) {
        await pause(5);
        continue;
      }
      nextAt = Math.max(nextAt + 1000 / startsPerSecondMax, performance.now() - 200);
      lives++;
      const number = ++this.#started;
      const shape = pickShape(random, this.#options.among);
      this.#track(this.#live(shape, number).finally(() => lives--));
    }
  }

  /** Resolves when all clients have done, or after so long. */
  async settled(waitMs: number): Promise<void> {
    const deadline = performance.now() + waitMs;
    while (this.#underWay.size > 0 && performance.now() < deadline) await pause(20);
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error) => void this.violations.push(`the load failed: ${error}`));
    this.#underWay.add(tracked);
    void tracked.finally(() => this.#underWay.delete(tracked));
  }

  #hooked(runId: string, type: string): void {
    const life = this.#lives.get(runId);
    const hooks = life?.hooks ?? this.#early.get(runId) ?? new Set();
    hooks.add(type);
    if (life) life.onHook();
    else this.#early.set(runId, hooks);
  }

  async #live(shape: Shape, number: number): Promise<void> {
    const { caller, random } = this.#options;
    const context = { number, text: 'x'.repeat(random.between(0, 300)) };
    // Without a key, what the client was not told of may have begun all the same; then nobody does what it needs.
    const mayLackKey = shape.deed === 'none';
    const key = !mayLackKey || random.chance(this.#options.keyShare ?? 0.9) ? `start-${number}` : undefined;
    if (key !== undefined) this.keyed.add(number);
    const started = await caller.call('POST', `/v1/workflows/${shape.key}/runs`, { context }, key);
    if (started === null) return;
    if (started.status !== 201) return this.#unexpected(`start of ${shape.key}`, started);
    const runId = started.body.id as string;
    this.acknowledgements.push({ kind: 'start', runId });
    this.statesOf.set(runId, shape.states);
    const life: Life = { shape, runId, hooks: this.#early.get(runId) ?? new Set(), onHook() {} };
    this.#early.delete(runId);
    this.#lives.set(runId, life);
    if (key !== undefined && random.chance(0.1)) await this.#repeat(shape, { context, key, runId });
    await this.#accompany(life);
    this.#lives.delete(runId);
    this.onMove(runId);
  }

  /** The same start again: it must be the same run. */
  async #repeat(shape: Shape, { context, key, runId }: Repeated): Promise<void> {
    const again = await this.#options.caller.call(
      'POST',
      `/v1/workflows/${shape.key}/runs`,
      { context },
      key,
    );
    if (again && (again.status !== 201 || again.body.id !== runId)) {
      this.violations.push(
        `I1 ${runId}: the same key gave ${again.status} ${again.body.id ?? again.body.code}`,
      );
    }
  }

  async #accompany(life: Life): Promise<void> {
    const { random, mock, deedAfterMs = [0, 1500] } = this.#options;
    const { deed } = life.shape;
    if (deed === 'retry') {
      await heard(life, 'workflow.failed');
      mock.healed.add(life.runId);
      if (random.chance(0.5)) await pause(random.between(0, 300));
    } else if (deed !== 'none') await pause(random.between(...deedAfterMs));
    if (deed === 'signal' || deed === 'resend')
      await this.#command(life, 'signals/go', { payload: { by: life.runId } });
    if (deed === 'cancel') await this.#command(life, 'cancel', {});
    if (deed === 'retry') await this.#command(life, 'retry', {});
    if (deed === 'resend') return await this.#resend(life);
    await heard(life, deed === 'retry' ? 'workflow.completed' : null);
  }

  /** A hook that nobody took, as soon as that is on record. */
  async #resend(life: Life): Promise<void> {
    const { caller, mock } = this.#options;
    await heard(life, 'workflow.failed');
    mock.healed.add(life.runId);
    const path = `/v1/runs/${life.runId}/hooks/onError/resend`;
    for (let round = 0; ; round++) {
      const answer = await caller.call('POST', path, {}, `resend-${life.runId}-${round}`);
      if (answer === null || answer.status === 200) return;
      // It is still under way, or an earlier one of these was applied and nobody heard of it.
      if (answer.status === 409 && mock.hasTakenHook(life.runId)) return;
      if (answer.status !== 202 && answer.status !== 409)
        return this.#unexpected(`resend of ${life.runId}`, answer);
      await pause(100);
    }
  }

  /** Until it is answered for good: a 202 is asked again under its key. */
  async #command({ runId, shape }: Life, path: string, body: object): Promise<void> {
    for (;;) {
      const key = `${path}-${runId}`;
      const answer = await this.#options.caller.call('POST', `/v1/runs/${runId}/${path}`, body, key);
      if (answer === null) return;
      if (answer.status === 200) {
        if (shape.deed === 'cancel') this.statesOf.set(runId, ['cancelled']);
        return;
      }
      // A cancel may come too late.
      if (answer.status === 409 && shape.deed === 'cancel') return;
      if (answer.status !== 202) return this.#unexpected(`${path} of ${runId}`, answer);
      await pause(200);
    }
  }

  async #callBack({ runId, step, attempt, path }: PendingStep): Promise<void> {
    const { caller, random } = this.#options;
    await pause(random.between(0, 400));
    const result = { by: 'callback', attempt };
    for (;;) {
      const answer = await caller.call('POST', path, { success: true, result });
      // 409, 410: another attempt of the step was called back before.
      if (answer === null || answer.status === 409 || answer.status === 410) return;
      if (answer.status === 200) {
        const of = { runId, step, attempt, isSuccess: true, result: JSON.stringify(result) };
        this.acknowledgements.push({ kind: 'callback', ...of });
        return;
      }
      if (answer.status !== 202) return this.#unexpected(`callback of ${step}, ${runId}`, answer);
      await pause(200);
    }
  }

  #unexpected(what: string, { status, body }: { readonly status: number; readonly body: object }): void {
    this.violations.push(`${what} was answered ${status}: ${JSON.stringify(body).slice(0, 300)}`);
  }
}

interface Repeated {
  readonly context: object;
  readonly key: string;
  readonly runId: string;
}

/** A hook of this type, or any. */
async function heard(life: Life, type: string | null): Promise<void> {
  const isHeard = () => (type === null ? life.hooks.size > 0 : life.hooks.has(type));
  while (!isHeard()) {
    await new Promise<void>((resolve) => {
      life.onHook = resolve;
    });
  }
}
