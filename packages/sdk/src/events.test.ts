import type { ServerResponse } from 'node:http';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { listen } from '../testing/fake-api.ts';
import { fakeRuntime } from '../testing/fake-runtime.ts';
import { createEvents } from './events.ts';
import { ApiError, type StepError, Waybill, type WorkflowEvent } from './index.ts';
import { settingsOf } from './settings.ts';

interface Connection {
  readonly url: string;
  readonly lastEventId: string | undefined;
}

type Answer = (response: ServerResponse) => void;

/** Answers one connection after the other, the last answer again and again. */
async function setUp(...answers: Answer[]) {
  const seen: Connection[] = [];
  const url = await listen((request, response) => {
    const lastEventId = request.headers['last-event-id'];
    seen.push({ url: request.url!, lastEventId: lastEventId as string | undefined });
    expect(request.headers).toMatchObject({ accept: 'text/event-stream', authorization: 'Bearer wb_test' });
    answers[Math.min(seen.length, answers.length) - 1]!(response);
  });
  const runtime = fakeRuntime();
  const options = { apiKey: 'wb_test', url, runtime };
  return { seen, runtime, options, ...new Waybill(options) };
}

const text = (...seqs: (number | string)[]) =>
  seqs
    .map((id) => {
      const data = { seq: Number.parseInt(String(id), 10), type: 'run.paused', runId: 'run_1' };
      return `id: ${id}\nevent: run.paused\ndata: ${JSON.stringify(data)}\n\n`;
    })
    .join('');

const stream = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': waybill\n\n');
const sends =
  (...seqs: (number | string)[]): Answer =>
  (response) => {
    stream(response);
    response.end(text(...seqs));
  };
/** Sends these, then breaks in the middle of another. */
const breaksAfter =
  (...seqs: (number | string)[]): Answer =>
  (response) => {
    stream(response);
    response.write(`${text(...seqs)}id: 99\ndata: {"se`, () => response.socket!.destroy());
  };
const isOver: Answer = (response) => void response.writeHead(204).end();
const refuses =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(JSON.stringify({ code: 'some_code', detail: 'no' }));

async function seqsOf(events: AsyncIterable<WorkflowEvent>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of events) seqs.push(seq);
  return seqs;
}

describe('a run is followed', () => {
  test('to its end, which is told by the answer after it', async () => {
    const { workflows, seen, runtime } = await setUp(sends(1, 2, 3), isOver);
    expect(await seqsOf(workflows.events('run_1'))).toEqual([1, 2, 3]);
    expect(seen).toEqual([
      { url: '/v1/runs/run_1/events?cursor=0', lastEventId: undefined },
      { url: '/v1/runs/run_1/events?cursor=0', lastEventId: '3' },
    ]);
    expect(runtime.slept).toEqual([0]);
  });

  test('from where one asks', async () => {
    const { workflows, seen } = await setUp(isOver);
    expect(await seqsOf(workflows.events('run_1', { after: 7 }))).toEqual([]);
    expect(seen).toEqual([{ url: '/v1/runs/run_1/events?cursor=7', lastEventId: undefined }]);
  });

  test('over connections that break, without loss or repetition', async () => {
    const { workflows, seen } = await setUp(breaksAfter(1, 2), breaksAfter('2.slow'), sends(3), isOver);
    expect(await seqsOf(workflows.events('run_1'))).toEqual([1, 2, 2, 3]);
    expect(seen.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '2', '2.slow', '3']);
  });

  test('the same run, also when the key of its workflow was asked for', async () => {
    const { workflows, seen } = await setUp(breaksAfter(1), isOver);
    await seqsOf(workflows.events('order flow'));
    expect(seen.map(({ url }) => url.split('?')[0])).toEqual([
      '/v1/runs/order%20flow/events',
      '/v1/runs/run_1/events',
    ]);
  });

  test('though chunks end anywhere, and data spans lines', async () => {
    const bytes = Buffer.from(
      `id: 1\ndata: {"seq": 1,\ndata:  "type": "step.completed", "result": "é🚀"}\n\n`,
    );
    const { workflows } = await setUp(async (response) => {
      stream(response);
      for (const byte of bytes) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      response.end();
    }, isOver);
    const { value } = await workflows.events('run_1').next();
    expect(value).toEqual({ seq: 1, type: 'step.completed', result: 'é🚀' });
  });
});

describe('a server that is away', () => {
  test('is asked again ever later, and asked no more in the end', async () => {
    const { workflows, seen, runtime } = await setUp((response) => response.socket!.destroy());
    const events = workflows.events('run_1');
    await expect(events.next()).rejects.toMatchObject({ name: 'NetworkError', code: 'network_error' });
    expect(seen).toHaveLength(10);
    expect(runtime.slept).toEqual([0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  test('is forgiven when it comes back', async () => {
    const hangsUp: Answer = (response) => response.socket!.destroy();
    const away = Array.from({ length: 8 }, () => hangsUp);
    const { workflows } = await setUp(sends(1), ...away, sends(2), ...away, isOver);
    expect(await seqsOf(workflows.events('run_1'))).toEqual([1, 2]);
  });

  test.each([429, 502, 503, 504])('and %i is waited out, as long as it says', async (status) => {
    const { workflows, runtime } = await setUp(refuses(status, { 'retry-after': '3' }), sends(1), isOver);
    expect(await seqsOf(workflows.events('run_1'))).toEqual([1]);
    expect(runtime.slept[0]).toBe(3000);
  });

  test('a connection on which nothing comes is given up', async () => {
    const { options, seen } = await setUp((response) => void stream(response), sends(1), isOver);
    const events = createEvents(settingsOf(options), 1500);
    expect(await seqsOf(events('run_1'))).toEqual([1]);
    expect(seen).toHaveLength(3);
  });
});

test.each([401, 404, 422, 500])('a refusal, %i, is thrown at once', async (status) => {
  const { workflows, seen } = await setUp(refuses(status));
  const thrown = await workflows
    .events('run_1')
    .next()
    .catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ApiError);
  expect(thrown).toMatchObject({ status, code: 'some_code' });
  expect(seen).toHaveLength(1);
});

test('what is no stream of events is refused', async () => {
  const { workflows } = await setUp((response) => void response.end('<h1>hello</h1>'));
  await expect(workflows.events('run_1').next()).rejects.toMatchObject({ code: 'invalid_answer' });
});

describe('whoever stops listening', () => {
  test('by leaving the loop closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const { workflows } = await setUp((response) => {
      closed = new Promise((resolve) => response.on('close', resolve));
      stream(response);
      response.write(text(1, 2));
    });
    for await (const { seq } of workflows.events('run_1')) {
      expect(seq).toBe(1);
      break;
    }
    await closed;
  });

  test('by a signal gets its reason, while waiting for an event', async () => {
    const controller = new AbortController();
    const { workflows } = await setUp((response) => {
      stream(response);
      controller.abort(new Error('enough'));
    });
    await expect(workflows.events('run_1', { signal: controller.signal }).next()).rejects.toThrow('enough');
  });

  test('by a signal gets its reason, while waiting for a server that is away', async () => {
    const controller = new AbortController();
    const { options } = await setUp(refuses(503, { 'retry-after': '30' }));
    const sleep = () => {
      controller.abort(new Error('enough'));
      return new Promise<void>(() => {});
    };
    const events = createEvents(settingsOf({ ...options, runtime: { ...options.runtime, sleep } }));
    await expect(events('run_1', { signal: controller.signal }).next()).rejects.toThrow('enough');
  });

  test('before listening is never connected', async () => {
    const { workflows, seen } = await setUp(isOver);
    const next = workflows.events('run_1', { signal: AbortSignal.abort(new Error('never')) }).next();
    await expect(next).rejects.toThrow('never');
    expect(seen).toEqual([]);
  });
});

test('the type of an event says what it carries', () => {
  const read = (event: WorkflowEvent) => {
    if (event.type === 'step.completed') expectTypeOf(event.durationMs).toEqualTypeOf<number>();
    if (event.type === 'step.failed') expectTypeOf(event.error).toEqualTypeOf<StepError>();
    if (event.type === 'step.slow') expectTypeOf(event.slowAfterMs).toEqualTypeOf<number>();
    if (event.type === 'run.completed') expectTypeOf(event.step).toEqualTypeOf<string | undefined>();
  };
  expectTypeOf(read).toBeFunction();
});
