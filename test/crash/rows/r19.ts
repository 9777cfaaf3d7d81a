import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { uuidOfId } from '@waybill/protocol';
import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { chain, Stage } from '../traffic/stage.ts';

/** `--runs`: of each kind. */
export const r19: FaultRow = {
  id: 'R19',
  title: 'callbacks ten at once, late, early, over two apis',
  short: { seconds: 0, runs: 25 },
  run: (context) => Stage.play(context, { roles: ['api', 'api', 'dispatch'] }, (stage) => play(stage)),
};

interface Reply {
  readonly body: string;
  readonly status: number;
  readonly text: string;
}

/** A run's wait, and where its callback goes. */
interface Asked {
  readonly runId: string;
  readonly path: string;
}

async function play(stage: Stage): Promise<RowReport> {
  const { client, fleet, context, sql } = stage;
  const { runs, random } = context;
  const violations: string[] = [];
  const counts = { 'ten at once': 0, late: 0, 'after a cancel': 0, early: 0 };
  const bodyOf = (n: number, success = true) =>
    JSON.stringify(success ? { success, result: { n, text: `body ${n}` } } : { success, error: `no ${n}` });
  const post = async ({ path }: Asked, body: string): Promise<Reply> => {
    // 202: nobody has said yet what came of it.
    for (;;) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${random.pick(fleet.urls())}${path}`, { method: 'POST', headers, body });
      const text = await answer.text();
      if (answer.status !== 202) return { body, status: answer.status, text };
      await pause(100);
    }
  };
  const asked = new Map<string, Asked>();
  const early = new Map<string, Promise<Reply>>();
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const part of message) chunks.push(part as Buffer);
    const { callback } = JSON.parse(Buffer.concat(chunks).toString()) as { callback: { url: string } };
    const one = { runId: String(message.headers['waybill-run']), path: new URL(callback.url).pathname };
    // At once: the start of its attempt is on record some time after it was sent.
    if (message.url === '/early') early.set(one.runId, post(one, bodyOf(1)));
    response.writeHead(202, { 'waybill-callback': 'pending' }).end();
    asked.set(one.runId, one);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const startOne = async (key: string): Promise<Asked> => {
    const runId = (await client.start(key)).body.id as string;
    while (!asked.has(runId)) await pause(5);
    return asked.get(runId)!;
  };
  const all = (act: () => Promise<void>) => Promise.all(Array.from({ length: runs }, act));
  const endings = async (runId: string) => {
    const journal = await sql<{ type: string; data: string | null; result: string }[]>`
      select type, data, result from run_events where run_id = ${uuidOfId('run', runId)!} order by seq`;
    return journal.filter(
      ({ type, data }) => /^step\.(completed|failed)$/.test(type) && data?.includes('"callback"'),
    );
  };
  try {
    const shortly = { defaults: { timeout: '2s', retries: { maxAttempts: 1 } } };
    await client.put('ten', chain('ten', [`${url}/ten`], { defaults: { retries: { maxAttempts: 1 } } }));
    await client.put('early', chain('early', [`${url}/early`]));
    await client.put('late', chain('late', [`${url}/late`], shortly));
    await all(async () => {
      const one = await startOne('ten');
      const bodies = random.shuffled(Array.from({ length: 10 }, (_, n) => bodyOf(n, n < 6)));
      const replies = await Promise.all(bodies.map((body) => post(one, body)));
      const recorded = await endings(one.runId);
      const [{ type, result } = { type: 'none', result: null }] = recorded;
      if (recorded.length !== 1) violations.push(`${one.runId}: ${recorded.length} callbacks are recorded`);
      const isSuccess = type === 'step.completed';
      if (isSuccess && !bodies.some((body) => body.includes(`"result":${result}`)))
        violations.push(`${one.runId}: ${result} is recorded, which nobody sent`);
      // One more of either kind is answered like the first: what agrees with the record as a repeat, the other not at all.
      for (const reply of [...replies, ...(await Promise.all(bodies.map((body) => post(one, body))))]) {
        const isRepeat = reply.body.includes('"success":true') === isSuccess;
        if (reply.status === (isRepeat ? 200 : 409)) continue;
        violations.push(`${one.runId}: ${reply.body} got ${reply.status} ${reply.text}, recorded is ${type}`);
      }
      if ((await endings(one.runId)).length !== 1)
        violations.push(`${one.runId}: a repeat was recorded once more`);
      counts['ten at once']++;
    });
    await all(async () => {
      const one = await startOne('ten');
      await client.call('POST', `/v1/runs/${one.runId}/cancel`, {});
      const { status } = await post(one, bodyOf(1));
      if (status !== 409 && status !== 410) violations.push(`${one.runId}: after a cancel ${status}`);
      counts['after a cancel']++;
    });
    await all(async () => {
      const one = await startOne('late');
      await client.call('GET', `/v1/runs/${one.runId}?wait=30`);
      const { status } = await post(one, bodyOf(1));
      if (status !== 409 && status !== 410) violations.push(`${one.runId}: after its timeout ${status}`);
      counts.late++;
    });
    await all(async () => {
      const { runId } = await startOne('early');
      const { status } = await early.get(runId)!;
      const { body } = await client.call('GET', `/v1/runs/${runId}?wait=30`);
      if (status !== 200 || body.state !== 'completed')
        violations.push(`${runId}: an early callback got ${status}, and the run is ${body.state}`);
      counts.early++;
    });
    stage.calm();
    await stage.drained(60);
  } finally {
    server.close();
    server.closeAllConnections();
  }
  const [left] = await sql<{ left: number }[]>`select count(*)::int as left from run_queue`;
  if (left!.left > 0) violations.push(`${left!.left} runs never ended`);
  return { figures: counts, violations };
}
