import { uuidOfId } from '@waybill/protocol';
import { gate } from '../../support/handlers.ts';
import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { chain, Stage } from '../traffic/stage.ts';

/** `--runs`: neighbours, which wait in the same dispatchers for their handlers when these die. */
export const r15: FaultRow = {
  id: 'R15',
  title: 'a run that crashes its dispatcher',
  short: { seconds: 0, runs: 50 },
  run: (context) => Stage.play(context, { roles: ['serve', 'serve', 'serve'] }, (stage) => play(stage)),
};

/** Three leases of 15 s have to end, and what follows them. */
const secondsMax = 120;

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, context } = stage;
  const { runs, note } = context;
  let kills = 0;
  const killing: Promise<void>[] = [];
  // Nobody dies before all were started: a client is owed its answer.
  const allStarted = gate();
  handlers.on('/poison', ({ runId }) => {
    kills++;
    killing.push(allStarted.opened.then(() => killOwner(stage, runId)));
    return null;
  });
  handlers.on('/slow', () => ({ delayMs: 300 }));
  // Whoever is killed loses what waits for an answer: a neighbour may be sent again, and is no poison for that.
  const retries = { maxAttempts: 10, initialDelay: 0.1 };
  await client.put(
    'poison',
    chain('poison', ['/poison', '/never'], { onError: '/hook', defaults: { retries } }),
  );
  await client.put('neighbour', chain('neighbour', ['/slow', '/slow', '/slow'], { defaults: { retries } }));
  const poison = (await client.start('poison')).body.id as string;
  for (let n = 0; n < runs; n++) await client.start('neighbour');
  allStarted.open();

  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let neighboursOver = Number.NaN;
  while ((await isOpen(stage, poison)) && seconds() < secondsMax) {
    if (Number.isNaN(neighboursOver) && (await stage.runsLeft()) <= 1) neighboursOver = seconds();
    await pause(250);
  }
  const quarantinedAfter = seconds();
  // Some may be with it in the dispatcher that dies last, and are over after it.
  const [beside] = await stage.sql<{ moved: number; ended: number }[]>`
    select count(*)::int as moved, count(*) filter (where state = 'completed')::int as ended from runs r
     where workflow_key = 'neighbour' and exists (
       select from run_events e where e.run_id = r.id and e.type = 'step.completed'
          and e.at_ms < (select finished_at_ms from runs where workflow_key = 'poison'))`;
  await Promise.all(killing);
  note(`${kills} dispatchers have died; the run is over after ${quarantinedAfter.toFixed(0)} s`);
  stage.calm();
  const drainSeconds = await stage.drained(60);
  if (Number.isNaN(neighboursOver)) neighboursOver = seconds();

  const { body } = await client.call('GET', `/v1/runs/${poison}`);
  const { code } = (body.error ?? {}) as { code?: string };
  const violations = await stage.violations(60_000);
  if (kills !== 3) violations.push(`${kills} dispatchers died of it, not 3`);
  if (body.state !== 'failed' || code !== 'dispatcher_killed') {
    violations.push(`its status says ${body.state}, ${code}`);
  }
  if (beside!.moved !== runs) violations.push(`${beside!.moved} of ${runs} neighbours moved before its end`);
  if (!(beside!.ended >= runs / 2))
    violations.push(`${beside!.ended} of ${runs} neighbours were over by its end`);
  const counted = await quarantines(stage);
  if (counted !== 1) violations.push(`metrics count ${counted} quarantined runs`);
  const [others] = await stage.sql<{ ended: number }[]>`
    select count(*)::int as ended from runs where workflow_key = 'neighbour' and state = 'completed'`;
  if (others!.ended !== runs) violations.push(`${others!.ended} of ${runs} neighbours completed`);
  return {
    figures: {
      'dispatchers that died of it': kills,
      'quarantined after': `${quarantinedAfter.toFixed(0)} s`,
      'its status': `${body.state}, ${code}`,
      'neighbours completed': `${others!.ended} of ${runs}, all after ${neighboursOver.toFixed(0)} s`,
      'neighbours by its end': `${beside!.moved} had moved, ${beside!.ended} were over`,
      'all over after it': `${drainSeconds.toFixed(1)} s`,
    },
    violations,
  };
}

/** SIGKILL for the process whose dispatcher owns the run, and another one in its place. */
async function killOwner({ sql, fleet }: Stage, runId: string): Promise<void> {
  const [owner] = await sql<{ pid: number }[]>`
    select d.pid from run_queue q join dispatchers d on d.id = q.owner where q.run_id = ${uuidOfId('run', runId)!}`;
  const slot = fleet.slots.find(({ process }) => process?.pid === owner?.pid);
  if (!slot) throw new Error(`nobody owns ${runId}`);
  await fleet.kill(slot);
  await fleet.fill(slot);
}

async function isOpen({ sql }: Stage, runId: string): Promise<boolean> {
  return (await sql`select 1 from run_queue where run_id = ${uuidOfId('run', runId)!}`).length > 0;
}

async function quarantines({ fleet }: Stage): Promise<number> {
  const texts = await Promise.all(fleet.urls().map(async (url) => (await fetch(`${url}/metrics`)).text()));
  const counts = texts.map((text) =>
    Number(/^waybill_runs_quarantined_total\{code="dispatcher_killed"\} (\d+)$/m.exec(text)?.[1] ?? 0),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
