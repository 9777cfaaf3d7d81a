import { pause } from './caller.ts';
import type { Scene } from './campaign.ts';

/** A start must be answered by then, whatever befalls the database. */
const startMsMax = 7000;
const readMsMax = 4000;
/** How soon health must be red, and green again once all is well. */
const redMsMaxDefault = 12_000;
const greenMsMax = 20_000;

export interface Probed {
  readonly starts: Map<number, number>;
  slowestStartMs: number;
  slowestReadMs: number;
  redAfterMs: number | null;
}

/** Asks like an impatient client while the database does not take writes, and looks at the health of everybody. */
export async function probeWhile(
  scene: Scene,
  isOn: () => boolean,
  redMsMax = redMsMaxDefault,
): Promise<Probed> {
  const probed: Probed = { starts: new Map(), slowestStartMs: 0, slowestReadMs: 0, redAfterMs: null };
  const startedAt = performance.now();
  const known = scene.load.acknowledgements.at(-1)?.runId;
  while (isOn()) {
    const sentMs = performance.now() - startedAt;
    const [start, read, isRed] = await Promise.all([
      ask(scene, 'POST', '/v1/workflows/chain/runs', { context: {} }),
      ask(scene, 'GET', known === undefined ? '/v1/runs' : `/v1/runs/${known}`),
      allAre(scene, 503),
    ]);
    probed.starts.set(start.status, (probed.starts.get(start.status) ?? 0) + 1);
    probed.slowestStartMs = Math.max(probed.slowestStartMs, start.ms);
    probed.slowestReadMs = Math.max(probed.slowestReadMs, read.ms);
    if (isRed) probed.redAfterMs ??= sentMs;
    if (start.status === 503 && !start.retryAfter) throw new Error('a 503 had no Retry-After');
    if (![201, 503].includes(start.status)) throw new Error(`a start was answered ${start.status}`);
    if (start.ms > startMsMax) throw new Error(`a start was answered after ${Math.round(start.ms)} ms`);
    await pause(250);
  }
  if (probed.redAfterMs === null || probed.redAfterMs > redMsMax) {
    throw new Error(`health was red after ${probed.redAfterMs ?? 'never'} ms`);
  }
  return probed;
}

/** With the database well, reads have no excuse. */
export function readsWent({ slowestReadMs }: Probed): void {
  if (slowestReadMs > readMsMax) throw new Error(`a read took ${Math.round(slowestReadMs)} ms`);
}

/** Resolves when every process says that it is well; the time it took. */
export async function green(scene: Scene): Promise<number> {
  const startedAt = performance.now();
  while (!(await allAre(scene, 200))) {
    if (performance.now() - startedAt > greenMsMax)
      throw new Error(`health was not green after ${greenMsMax} ms`);
    await pause(100);
  }
  return performance.now() - startedAt;
}

async function allAre({ fleet }: Scene, status: number): Promise<boolean> {
  const urls = fleet.slots.flatMap(({ healthUrl }) => (healthUrl ? [healthUrl] : []));
  const seen = await Promise.all(
    urls.map((url) =>
      fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
        (response) => response.status,
        () => 0,
      ),
    ),
  );
  return seen.every((one) => one === status);
}

interface Asked {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | null;
}

async function ask({ fleet, random }: Scene, method: string, path: string, body?: object): Promise<Asked> {
  const startedAt = performance.now();
  const response = await fetch(`${random.pick(fleet.urls())}${path}`, {
    method,
    headers: { authorization: `Bearer ${fleet.apiKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(30_000),
  });
  await response.arrayBuffer();
  const ms = performance.now() - startedAt;
  return { status: response.status, ms, retryAfter: response.headers.get('retry-after') };
}
