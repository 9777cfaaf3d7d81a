import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();
const withUrl = (id: string, url: string) => ({ id, steps: [{ id: 'a', url }] });
const put = (id: string, url: string) => api.now.call(`PUT /v1/workflows/${id}`, { body: withUrl(id, url) });

test('PUT stores once: 201, then 200 for the same content in any version', async () => {
  expect((await put('p', '/1')).status).toBe(201);
  expect((await put('p', '/1')).status).toBe(200);
  expect((await put('p', '/2')).body).toMatchObject({ key: 'p', version: 2 });
  const back = await put('p', '/1');
  expect([back.status, back.body.version]).toEqual([200, 1]);
  const latest = await api.now.call('GET /v1/workflows/p');
  expect(latest.body).toMatchObject({
    key: 'p',
    version: 1,
    definition: { steps: [{ url: 'http://base.test/1' }] },
  });
});

test('a definition that is put as GET shows it is the same version', async () => {
  const steps = [
    { id: 'a', url: '/a', delivery: 'at-most-once' },
    { id: 'b', url: '/b', dependsOn: 'a', runAfterFailure: false },
    { id: 'c', url: '/c', dependsOn: ['a', 'b'], join: 'any' },
    { id: 'd', sleep: 1, dependsOn: 'c' },
  ];
  const body = { steps, defaults: { runAfterFailure: true, timeout: '1m' } };
  const first = await api.now.call('PUT /v1/workflows/again', { body });
  expect(first.status).toBe(201);
  for (const path of ['again', 'again/versions/1']) {
    const { definition } = (await api.now.call(`GET /v1/workflows/${path}`)).body;
    expect(definition).toEqual(first.body.definition);
    expect(definition).toMatchObject({ defaults: { runAfterFailure: true, timeout: 60 } });
    const again = await api.now.call('PUT /v1/workflows/again', { body: definition as object });
    expect([again.status, again.body.version]).toEqual([200, 1]);
  }
});

test('PUT takes its id from the path, and refuses another', async () => {
  const { id: _, ...rest } = withUrl('x', '/a');
  expect((await api.now.call('PUT /v1/workflows/from-path', { body: rest })).body.key).toBe('from-path');
  const { status, body } = await api.now.call('PUT /v1/workflows/x', { body: withUrl('y', '/a') });
  expect([status, (body.errors as { path: string }[])[0]!.path]).toEqual([422, 'id']);
  expect(await api.now.problem('PUT /v1/workflows/run_x', { body: rest })).toEqual([
    422,
    'invalid_definition',
  ]);
});

test('concurrent PUTs of one new content make one version', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => put('race', '/a')));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
  expect(new Set(answers.map(({ body }) => body.version))).toEqual(new Set([1]));
});

test('validate stores nothing', async () => {
  const { status, body } = await api.now.call('POST /v1/workflows/validate', { body: withUrl('v', '/a') });
  expect([status, body]).toEqual([200, { valid: true, warnings: [] }]);
  expect(await api.now.problem('GET /v1/workflows/v')).toEqual([404, 'not_found']);
});

test('validate judges expressions, what they read, and steps that send nothing', async () => {
  const step = { id: 'b', dependsOn: 'a' };
  const errorsOf = async (fields: object) => {
    const body = {
      id: 'v',
      steps: [
        { id: 'a', url: '/a' },
        { id: 'c', sleep: 5 },
        { ...step, ...fields },
      ],
    };
    const answer = await api.now.call('POST /v1/workflows/validate', { body });
    return (answer.body.errors as { path: string; message: string }[] | undefined) ?? answer.body;
  };
  expect(await errorsOf({ url: '/b', when: 'context.total > 1 && steps.a.result.ok' })).toEqual({
    valid: true,
    warnings: [],
  });
  expect(await errorsOf({ waitFor: { signal: 'go', timeout: '5m', default: null } })).toEqual({
    valid: true,
    warnings: [],
  });
  expect(await errorsOf({ url: '/b', when: 'context.total >' })).toEqual([
    { path: 'steps[2].when', message: 'line 1, column 15: ">" is not expected here' },
  ]);
  expect(await errorsOf({ url: '/b', forEach: 'steps.c.result' })).toEqual([
    {
      path: 'steps[2].forEach',
      message: 'step "c" is not above "b": add it to dependsOn, or do not read it',
    },
  ]);
  expect(await errorsOf({ sleep: '25h' })).toEqual([
    { path: 'steps[2].sleep', message: expect.stringContaining('not over before second 90000 of the run') },
  ]);
});

test('create stores what is new and does not move the latest', async () => {
  await put('c', '/1');
  const { status, headers, body } = await api.now.call('POST /v1/workflows', { body: withUrl('c', '/2') });
  expect([status, body.version]).toEqual([201, 2]);
  expect(headers.get('location')).toBe(`/v1/runs/${body.id}`);
  expect((await api.now.call('POST /v1/workflows', { body: withUrl('c', '/2') })).body.version).toBe(2);
  expect((await api.now.call('GET /v1/workflows/c')).body.version).toBe(1);
  expect((await api.now.call('POST /v1/workflows/c/runs', { body: {} })).body.version).toBe(1);
});

test('a start may name its version; a run keeps it', async () => {
  await put('pin', '/1');
  const first = await api.now.call('POST /v1/workflows/pin/runs', { body: {} });
  await put('pin', '/2');
  const second = await api.now.call('POST /v1/workflows/pin/runs', { body: {} });
  const pinned = await api.now.call('POST /v1/workflows/pin/runs', { body: { version: 1 } });
  expect([first, second, pinned].map(({ body }) => body.version)).toEqual([1, 2, 1]);
  const { body } = await api.now.call(`GET /v1/runs/${first.body.id}`);
  expect(body).toMatchObject({ version: 1, steps: [{ url: 'http://base.test/1' }] });
  for (const version of [3, 2 ** 31 - 1]) {
    const call = { body: { version } };
    expect(await api.now.problem('POST /v1/workflows/pin/runs', call)).toEqual([404, 'not_found']);
  }
  for (const version of [0, -1, 1.5, '1', 2 ** 31]) {
    const call = { body: { version } };
    expect(await api.now.problem('POST /v1/workflows/pin/runs', call)).toEqual([422, 'invalid_request']);
  }
  expect(await api.now.problem('POST /v1/workflows/nobody/runs', { body: {} })).toEqual([404, 'not_found']);
});

test("a start's tags replace the definition's, its metadata are merged into them", async () => {
  const body = { ...withUrl('tagged', '/a'), tags: ['d'], metadata: { team: 'a', tier: '1' } };
  await api.now.call('PUT /v1/workflows/tagged', { body });
  const start = (input: object) => api.now.call('POST /v1/workflows/tagged/runs', { body: input });
  expect((await start({})).body).toMatchObject({ tags: ['d'], metadata: { team: 'a', tier: '1' } });
  const own = await start({ tags: ['s'], metadata: { tier: '2' } });
  expect(own.body).toMatchObject({ tags: ['s'], metadata: { team: 'a', tier: '2' } });
});

test('workflows and versions are paged to the end', async () => {
  const keys = Array.from({ length: 7 }, (_, n) => `page-${n}`);
  for (const key of keys) await put(key, '/a');
  for (const n of [2, 3, 4, 5]) await put('page-3', `/${n}`);
  const seen = await pages<{ key: string }>('/v1/workflows?limit=3');
  expect(seen.map(({ key }) => key).filter((key) => key.startsWith('page-'))).toEqual(keys.toReversed());
  expect(new Set(seen.map(({ key }) => key)).size).toBe(seen.length);
  const versions = await pages<{ version: number }>('/v1/workflows/page-3/versions?limit=2');
  expect(versions.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1]);
  expect((await api.now.call('GET /v1/workflows/page-3/versions/2')).body).toMatchObject({
    key: 'page-3',
    version: 2,
    definition: { steps: [{ url: 'http://base.test/2' }] },
  });
});

interface Page<Row> {
  readonly data: Row[];
  readonly nextCursor: string | null;
}

async function pages<Row>(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const { body }: { body: Page<Row> } = await api.now.call<Page<Row>>(`GET ${path}${after}`);
    expect(body.data.length).toBeGreaterThan(0);
    rows.push(...body.data);
    cursor = body.nextCursor;
  }
  return rows;
}

test('a chain that will regret what it is sent is stored with a warning', async () => {
  const steps = Array.from({ length: 201 }, (_, at) => ({
    id: `s${at}`,
    url: 'http://handlers.test/s',
    ...(at > 0 ? { dependsOn: `s${at - 1}` } : {}),
  }));
  const warnings = [{ path: 'steps[200].input', message: expect.stringContaining('201 deep') }];
  const stored = await api.now.call('PUT /v1/workflows/deep', { body: { steps } });
  expect([stored.status, stored.body.warnings]).toEqual([201, warnings]);
  const checked = await api.now.call('POST /v1/workflows/validate', { body: { id: 'deep', steps } });
  expect(checked.body).toEqual({ valid: true, warnings });
  const created = await api.now.call('POST /v1/workflows', { body: { id: 'deep', steps } });
  expect(created.headers.get('waybill-warning')).toMatch(/^steps\[200\].input: step "s200" is 201 deep/);
});
