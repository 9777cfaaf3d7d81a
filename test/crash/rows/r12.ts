import { randomBytes, randomUUID } from 'node:crypto';
import {
  apiKeyPrefix,
  createApiKey,
  createKeyring,
  generateSigningSecret,
  hashApiKey,
} from '@waybill/signing';
import { addKey, addSecret, openDatabase, upsertProject } from '@waybill/store';
import { pause, within } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { LoadClient } from '../traffic/client.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

const clients = 64;
/** Of the last request of a run: far beyond anything that is bearable. */
const arrivalMsMax = 120_000;

/** `--runs`: what one project starts as fast as it can; the row is a hundred thousand. */
export const r12: FaultRow = {
  id: 'R12',
  title: 'one project floods the queue',
  short: { seconds: 0, runs: 10_000 },
  run(context) {
    const masterKey = randomBytes(32).toString('base64');
    // All of the flood is taken in: what is judged is whether others get through beside it.
    const env = { WAYBILL_MASTER_KEY: masterKey, WAYBILL_BACKLOG_MAX: '10000000' };
    return Stage.play(context, { roles: ['serve'], env }, (stage) => play(stage, masterKey));
  },
};

async function play(stage: Stage, masterKey: string): Promise<RowReport> {
  const { client: flood, handlers, fleet, context } = stage;
  const { runs, note } = context;
  const other = new LoadClient(() => fleet.urls()[0]!, await addProject(stage, masterKey));
  const step = (path: string) => `${handlers.url}${path}`;
  await flood.put('flood', chain('flood', ['/1', '/2'].map(step)));
  await other.put('quiet', chain('quiet', ['/quiet/1', '/quiet/2'].map(step)));
  const alone = await quietRuns(stage, other, () => performance.now(), 3000);
  note(`alone, a start takes ${ms(quantile(alone.starts, 0.5))}, a run ${ms(quantile(alone.runs, 0.5))}`);

  let left = runs;
  let isOver = false;
  const flooding = flood
    .loop(
      clients,
      () => left-- > 0,
      () => {},
      'flood',
    )
    .then(async () => {
      note(`all ${runs} are started; ${await stage.runsLeft()} are left`);
      await stage.drained(600);
      isOver = true;
    });
  const beside = await quietRuns(stage, other, () => (isOver ? Number.POSITIVE_INFINITY : 0), 1);
  await flooding;
  stage.calm();
  await stage.drained(30);
  other.close();
  flood.acknowledgements.push(...other.acknowledgements);
  const violations = await stage.violations();
  const p99 = quantile(beside.starts, 0.99);
  if (!(p99 <= 1000)) violations.push(`a start of the other project took ${ms(p99)} (p99)`);
  const refused = [...other.statuses].filter(([status]) => status >= 400);
  if (refused.length > 0) violations.push(`the other project was refused: ${refused.join('; ')}`);
  const figure = ({ starts, runs: ends }: Quiet) =>
    `start p50 ${ms(quantile(starts, 0.5))}, p99 ${ms(quantile(starts, 0.99))}; run p50 ${ms(quantile(ends, 0.5))}, p99 ${ms(quantile(ends, 0.99))}`;
  return {
    figures: {
      flood: `${runs} runs by ${clients} clients`,
      'another project, alone': figure(alone),
      'another project, beside it': `${figure(beside)}, of ${beside.starts.length}`,
    },
    violations,
  };
}

interface Quiet {
  readonly starts: number[];
  readonly runs: number[];
}

/** Runs of the other project, one after the other, as long as `clock` is below `forMs` from where it began. */
async function quietRuns(
  { handlers }: Stage,
  other: LoadClient,
  clock: () => number,
  forMs: number,
): Promise<Quiet> {
  const seen: Quiet = { starts: [], runs: [] };
  const from = Math.min(clock(), Number.MAX_VALUE);
  while (clock() - from < forMs) {
    const startedAt = performance.now();
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    // There is one at a time: the second request is this run's.
    handlers.on('/quiet/2', () => {
      arrive();
      return {};
    });
    const { status, latencyMs } = await other.start('quiet');
    seen.starts.push(latencyMs);
    if (status === 201) await within(arrived, arrivalMsMax, 'a run of the other project was not sent on');
    seen.runs.push(performance.now() - startedAt);
    await pause(20);
  }
  return seen;
}

/** Another project, with a signing secret and a key, which is answered. */
async function addProject({ cluster }: Stage, masterKey: string): Promise<string> {
  const database = await openDatabase(cluster.url, { name: 'test', max: 1 });
  const { uuid } = await upsertProject(database, { uuid: randomUUID(), name: 'other', baseUrl: null });
  const sealed = createKeyring(masterKey).seal(generateSigningSecret(), `project:${uuid}`);
  await addSecret(database, { uuid: randomUUID(), projectUuid: uuid, sealed });
  const { key } = createApiKey();
  await addKey(database, {
    ...{ uuid: randomUUID(), projectUuid: uuid, name: 'test', scopes: ['admin'] },
    ...{ prefix: apiKeyPrefix(key), hash: hashApiKey(key) },
  });
  await database.end();
  return key;
}
