import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();
const definition = { id: 'order', steps: [{ id: 'a', url: '/a' }] };
const create = 'POST /v1/workflows';

test('what is not there is a problem, whatever the method', async () => {
  expect(await api.now.problem('GET /nothing', { key: null })).toEqual([404, 'not_found']);
  expect(await api.now.problem('GET /v1/nothing')).toEqual([404, 'not_found']);
  expect(await api.now.problem('GET /v1/runs/%ff')).toEqual([404, 'not_found']);
});

test.each([
  ['DELETE /v1/runs', 'GET, HEAD'],
  ['POST /v1/workflows/x', 'PUT, GET, HEAD'],
  ['GET /v1/runs/x/cancel', 'POST'],
  ['PATCH /v1/workflows/x/runs', 'POST'],
  ['POST /healthz', 'GET, HEAD'],
])('%s: a path that takes other methods is 405 with Allow: %s', async (line, allow) => {
  const { status, headers, body } = await api.now.call(line);
  expect([status, body.code]).toEqual([405, 'method_not_allowed']);
  expect(headers.get('allow')!.split(', ').sort()).toEqual(allow.split(', ').sort());
});

describe('bodies', () => {
  test.each(['{', '{"id":}', '[1,', 'not json', '\u0000', '{"a":1}}', '['.repeat(2 ** 20 - 1)])(
    'no JSON is 400: %.20j',
    async (body) => {
      expect(await api.now.problem(create, { body })).toEqual([400, 'invalid_json']);
    },
  );

  test('JSON that is no object is 422', async () => {
    for (const body of ['1', 'null', '"x"', '[]', '[[]]', 'true']) {
      for (const line of [create, 'PUT /v1/workflows/order', 'POST /v1/workflows/validate']) {
        expect(await api.now.problem(line, { body })).toEqual([422, 'invalid_definition']);
      }
    }
    await api.now.start();
    expect(await api.now.problem('POST /v1/workflows/order/runs', { body: '[]' })).toEqual([
      422,
      'invalid_request',
    ]);
  });

  test.each([
    ['payload', (deep: string) => `{"id":"deep","steps":[{"id":"a","url":"/a","payload":${deep}}]}`],
    ['context', (deep: string) => `{"id":"deep","steps":[{"id":"a","url":"/a"}],"context":{"a":${deep}}}`],
    ['field', (deep: string) => `{"id":"deep","steps":${deep}}`],
  ])('%s nested 100,000 deep is 400, naming the limit', async (_name, body) => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    for (const line of [create, 'POST /v1/workflows/validate', 'PUT /v1/workflows/deep']) {
      const answer = await api.now.call(line, { body: body(nested(100_000)) });
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_json']);
      expect(answer.body.detail).toContain('jsonDepthMax 500');
    }
    expect((await api.now.call(create, { body: body(nested(400)) })).status).not.toBe(400);
  });

  test('another content type is 415, whatever it is called', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'json']) {
      const call = { body: JSON.stringify(definition), headers: { 'content-type': type } };
      expect(await api.now.problem(create, call)).toEqual([415, 'unsupported_media_type']);
    }
    for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/vnd.x+json']) {
      const call = { body: JSON.stringify(definition), headers: { 'content-type': type } };
      expect((await api.now.call(create, call)).status).toBe(201);
    }
  });

  test('a compressed body is 415', async () => {
    const call = { body: gzipSync(JSON.stringify(definition)), headers: { 'content-encoding': 'gzip' } };
    expect(await api.now.problem(create, call)).toEqual([415, 'unsupported_media_type']);
  });

  test('a body above the limit is 413, declared or chunked, and names the limit', async () => {
    const large = `{"id":"${'x'.repeat(2 ** 20)}"}`;
    const chunked = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(' '.repeat(65_536)));
      },
    });
    const declared = { body: large, headers: { 'content-length': String(large.length) } };
    for (const call of [declared, { body: chunked }]) {
      const { status, body } = await api.now.call(create, call);
      expect([status, body.code]).toEqual([413, 'payload_too_large']);
      expect(body.detail).toContain('requestBodyBytesMax 1048576');
    }
  });

  test('a context above the limit is 413 and names limit and size', async () => {
    const context = { text: 'é'.repeat(131_072) };
    await api.now.start();
    for (const [line, body] of [
      [create, { ...definition, context }],
      ['POST /v1/workflows/order/runs', { context }],
      ['POST /v1/workflows/validate', { ...definition, context }],
    ] as const) {
      const answer = await api.now.call(line, { body });
      expect([answer.status, answer.body.code]).toEqual([413, 'context_too_large']);
      expect(answer.body.detail).toBe('the context has 262155 bytes, above contextBytesMax 262144');
    }
  });

  test.each([[null], [[]], ['x'], [5], [true]])('a context must be an object, not %j', async (context) => {
    await api.now.start();
    for (const [line, body] of [
      [create, { ...definition, context }],
      ['POST /v1/workflows/order/runs', { context }],
    ] as const) {
      const { status, body: problem } = await api.now.call(line, { body });
      expect([status, problem.errors]).toEqual([422, [{ path: 'context', message: 'must be an object' }]]);
    }
  });
});

describe('every fault of a start is named at once', () => {
  const large = { text: 'x'.repeat(262_144) };
  const far = '2999-01-01T00:00:00Z';
  const limit = (name: string) => expect.objectContaining({ name });

  test.each<[string, object, number, [string, unknown][]]>([
    [
      '/v1/workflows/order/runs',
      { context: [], delay: '366d', tags: [''], version: 0, more: 1 },
      422,
      [
        ['version', undefined],
        ['tags[0]', undefined],
        ['more', undefined],
        ['context', undefined],
        ['delay', limit('delaySecondsMax')],
      ],
    ],
    [
      '/v1/workflows/order/runs',
      { delay: 'soon', runAt: far, metadata: 1 },
      422,
      [
        ['metadata', undefined],
        ['delay', undefined],
        ['runAt', limit('delaySecondsMax')],
      ],
    ],
    [
      '/v1/workflows/order/runs',
      { context: large, delay: 1, runAt: far, tags: 'x' },
      413,
      [
        ['tags', undefined],
        ['context', limit('contextBytesMax')],
        ['runAt', undefined],
      ],
    ],
    [
      '/v1/workflows/order/runs/batch',
      {
        runs: [{}, { tags: [1] }, 'x', { context: 1 }, { delay: 1, runAt: far }, { runAt: far }],
        version: 'x',
      },
      422,
      [
        ['version', undefined],
        ['runs[1].tags[0]', undefined],
        ['runs[2]', undefined],
        ['runs[3].context', undefined],
        ['runs[4].runAt', undefined],
        ['runs[5].runAt', limit('delaySecondsMax')],
      ],
    ],
    [
      '/v1/workflows/order/runs/batch',
      { runs: [{ tags: [''] }, { context: large }] },
      413,
      [
        ['runs[0].tags[0]', undefined],
        ['runs[1].context', limit('contextBytesMax')],
      ],
    ],
    [
      '/v1/workflows',
      { id: 'order', steps: [{ id: 'a' }], context: [] },
      422,
      [
        ['steps[0].url', undefined],
        ['context', undefined],
      ],
    ],
    [
      '/v1/workflows/validate',
      { id: 'order', steps: [{ id: 'a' }], context: large },
      413,
      [
        ['steps[0].url', undefined],
        ['context', limit('contextBytesMax')],
      ],
    ],
  ])('POST %s, %#', async (path, sent, status, expected) => {
    await api.now.start();
    const answer = await api.now.call(`POST ${path}`, { body: sent });
    expect(answer.status).toBe(status);
    const errors = answer.body.errors as { path: string; limit?: unknown }[];
    expect(errors.map(({ path, limit }) => [path, limit])).toEqual(expected);
    if (status === 413)
      expect(answer.body).toMatchObject({ code: 'context_too_large', limit: limit('contextBytesMax') });
  });

  test('also of a rerun, a PUT and a command', async () => {
    const id = await api.now.start();
    const pathsOf = async (line: string, body: object) => {
      const answer = await api.now.call(line, { body });
      return [answer.status, ...(answer.body.errors as { path: string }[]).map(({ path }) => path)];
    };
    const rerun = { context: [], version: 0 };
    expect(await pathsOf(`POST /v1/runs/${id}/rerun`, rerun)).toEqual([422, 'version', 'context']);
    const put = { id: 'other', steps: [] };
    expect(await pathsOf('PUT /v1/workflows/order', put)).toEqual([422, 'steps', 'id']);
    const signal = { payloads: 1 };
    expect(await pathsOf(`POST /v1/runs/${id}/signals/a%20b`, signal)).toEqual([422, 'payloads', 'name']);
  });
});

describe('U+0000, which PostgreSQL refuses, and lone surrogates', () => {
  const nul = 'a\u0000b';
  const encoded = encodeURIComponent(nul);

  test.each([
    `GET /v1/workflows/${encoded}`,
    `GET /v1/workflows/${encoded}/versions`,
    `GET /v1/workflows/${encoded}/versions/1`,
    `GET /v1/runs/${encoded}`,
    `GET /v1/runs/run_${encoded}`,
    `GET /v1/runs/${encoded}/steps/a/attempts`,
    `GET /v1/runs/order/steps/${encoded}/attempts`,
    `POST /v1/workflows/${encoded}/runs`,
    `POST /v1/runs/${encoded}/cancel`,
    'GET /v1/workflows/order/versions/99999999999999999999',
    'GET /v1/workflows/order/versions/0x1',
  ])('%s is 404', async (line) => {
    await api.now.start();
    expect(await api.now.problem(line, line.startsWith('POST') ? { body: {} } : {})).toEqual([
      404,
      'not_found',
    ]);
  });

  test.each([
    `GET /v1/workflows?cursor=${encoded}`,
    `GET /v1/runs?cursor=${encoded}`,
    `GET /v1/runs?cursor=run_${encoded}`,
    `GET /v1/endpoints/gone?cursor=${encoded}`,
    `GET /v1/runs?workflow=${encoded}`,
    `GET /v1/runs?tag=${encoded}`,
    `GET /v1/runs?metadata.k=${encoded}`,
    `GET /v1/runs?metadata.${encoded}=v`,
    'GET /v1/runs?limit=0',
    'GET /v1/runs?limit=101',
    'GET /v1/runs?limit=x',
    'GET /v1/runs?state=lost',
    'GET /v1/runs?createdAfter=yesterday',
    'GET /v1/runs/order?wait=61',
    'GET /v1/runs/order?wait=-1',
    'GET /v1/runs/order?wait=soon',
    'GET /v1/runs?state=lost&metadata.k=&metadata.=v&cursor=x',
  ])('%s is 422', async (line) => {
    await api.now.start();
    expect(await api.now.problem(line)).toEqual([422, 'invalid_request']);
  });

  test.each([nul, '\ud800'])('in tags and metadata of a start: %j is 422 with its path', async (text) => {
    await api.now.start();
    const body = { tags: ['ok', text], metadata: { k: text } };
    const { status, body: problem } = await api.now.call('POST /v1/workflows/order/runs', { body });
    expect(status).toBe(422);
    expect((problem.errors as { path: string }[]).map((error) => error.path)).toEqual([
      'tags[1]',
      'metadata.k',
    ]);
  });

  test('in a PUT of another key', async () => {
    const [status] = await api.now.problem(`PUT /v1/workflows/${encoded}`, { body: definition });
    expect(status).toBe(422);
  });

  test('in contexts, payloads and reasons they are data', async () => {
    const payload = `${nul}\ud800`;
    const steps = [{ id: 'a', url: '/a', payload }];
    const body = `{"id":"nul","steps":${JSON.stringify(steps)},"context":{"a":"\\u0000\\ud800"}}`;
    const { status, body: run, text } = await api.now.call(create, { body });
    expect(status).toBe(201);
    expect(text).toContain('"context":{"a":"\\u0000\\ud800"}');
    await api.now.complete(run.id as string, '"\\u0000\\ud800"');
    const read = await api.now.call(`GET /v1/runs/${run.id}`);
    expect(read.text).toContain('"results":{"a":"\\u0000\\ud800"}');
  });
});

test('names of Object.prototype stay data in contexts and metadata', async () => {
  const names = '{"__proto__":"a","constructor":"b"}';
  const body = `{"id":"proto","steps":[{"id":"constructor","url":"/a"}],"context":${names},"metadata":${names}}`;
  const { status, text, body: run } = await api.now.call(create, { body });
  expect([status, text.split(names)]).toEqual([201, expect.objectContaining({ length: 3 })]);
  expect(run.metadata).toEqual(JSON.parse(names));
  const listed = await api.now.call('GET /v1/runs?metadata.__proto__=a&metadata.constructor=b');
  expect((listed.body.data as { id: string }[]).map(({ id }) => id)).toEqual([run.id]);
  expect(({} as Record<string, unknown>).a).toBeUndefined();
  expect(await api.now.problem(`GET /v1/runs/${run.id}/steps/toString/attempts`)).toEqual([404, 'not_found']);
});

test('every fault of a definition is named, and nothing is stored', async () => {
  const body = {
    id: 'faulty',
    steps: [
      { id: 'a', url: 'http://forbidden/', headers: { host: 'x' }, dependsOn: 'b' },
      { id: 'b', url: '/b', dependsOn: 'a', size: 1 },
    ],
  };
  const paths = ['steps[1].size', 'steps', 'steps[0].url', 'steps[0].headers.host'];
  for (const line of [create, 'PUT /v1/workflows/faulty', 'POST /v1/workflows/validate']) {
    const { status, body: problem } = await api.now.call(line, { body });
    expect([status, problem.code]).toEqual([422, 'invalid_definition']);
    expect((problem.errors as { path: string }[]).map((error) => error.path)).toEqual(paths);
  }
  expect(await api.now.problem('GET /v1/workflows/faulty')).toEqual([404, 'not_found']);
});

test('the log is not given keys or bodies', () => {
  expect(api.now.logged.join()).not.toContain(api.now.admin);
});
