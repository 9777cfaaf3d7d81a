import { pause, until } from './caller.ts';
import type { Scene } from './campaign.ts';
import { quantile } from './traffic/stage.ts';

/** Looked at all at once, at this distance: whoever looks once a second is met at any time of it. */
const samples = 8;
const distanceMs = 170;
/** A dispatcher looks once a second; the rest is for a machine that is busy. */
const p50MsMax = 1500;
const lostMsMax = 15_000;

/** How long a start and a command lie in the database until a dispatcher has found them and sent what follows. */
export class PickUps {
  readonly #startMs: number[] = [];
  readonly #commandMs: number[] = [];

  /** Starts and commands beside the load; `begin` is called in between. Those of which `counts` says no are left out. */
  async look(scene: Scene, begin: () => void, counts: () => boolean): Promise<void> {
    const waiting = await Promise.all(numbers(samples).map(() => startOf(scene, 'signal')));
    await Promise.all(waiting.map((runId) => sent(scene, runId, 'a')));
    begin();
    const looks = waiting.flatMap((runId, index) => [
      pause(index * distanceMs).then(() => this.#start(scene, counts)),
      pause(index * distanceMs).then(() => this.#command(scene, runId, counts)),
    ]);
    await Promise.all(looks);
  }

  async #start(scene: Scene, counts: () => boolean): Promise<void> {
    const runId = await startOf(scene, 'chain');
    const [isCounted, fromMs] = [counts(), Date.now()];
    const atMs = await sent(scene, runId, 'a');
    if (isCounted) this.#startMs.push(Math.max(0, atMs - fromMs));
  }

  async #command(scene: Scene, runId: string, counts: () => boolean): Promise<void> {
    const [isCounted, fromMs] = [counts(), Date.now()];
    // The answer comes when the outcome is heard of, which is another matter.
    const answered = scene.caller.call(
      'POST',
      `/v1/runs/${runId}/signals/go`,
      { payload: {} },
      `go-${runId}`,
    );
    const atMs = await sent(scene, runId, 'b');
    if (isCounted) this.#commandMs.push(atMs - fromMs);
    await answered;
  }

  violations(): string[] {
    return [...judge('starts', this.#startMs), ...judge('commands', this.#commandMs)];
  }

  figures(): Record<string, string> {
    return {
      'starts were picked up after': figure(this.#startMs),
      'commands were picked up after': figure(this.#commandMs),
    };
  }
}

function* judge(what: string, tookMs: readonly number[]): Generator<string> {
  const p50 = quantile(tookMs, 0.5);
  if (!(p50 <= p50MsMax))
    yield `${what} were picked up after ${Math.round(p50)} ms (p50 of ${tookMs.length})`;
}

function figure(tookMs: readonly number[]): string {
  const at = (share: number) => `${(quantile(tookMs, share) / 1000).toFixed(2)} s`;
  return `p50 ${at(0.5)}, at most ${at(1)}, of ${tookMs.length}`;
}

async function startOf({ caller }: Scene, workflow: string): Promise<string> {
  const answer = await caller.call('POST', `/v1/workflows/${workflow}/runs`, { context: {} });
  if (answer?.status !== 201) throw new Error(`a start of ${workflow} was answered ${answer?.status}`);
  return answer.body.id as string;
}

/** When the step was sent, epoch ms. */
async function sent({ mock }: Scene, runId: string, step: string): Promise<number> {
  const find = () => mock.requests.findLast((request) => request.runId === runId && request.step === step);
  await until(() => find() !== undefined, lostMsMax, `${step} of ${runId} was not sent`);
  return find()!.atMs;
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
