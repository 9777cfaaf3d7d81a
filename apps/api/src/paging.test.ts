import { markGone, unmarkGone } from '@waybill/store';
import { describe, expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();

interface Page {
  readonly data: readonly { readonly url: string }[];
  readonly nextCursor: string | null;
}

const lists = [
  '/v1/runs',
  '/v1/runs/order/events',
  '/v1/workflows',
  '/v1/workflows/order/versions',
  '/v1/endpoints/gone',
];
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nonsense = [
  ...['', 'x', 'order', '-1', '1.5', '0x5', ' 5', '99999999999', 'run_x', '%00', 'a'.repeat(10_000)],
  ...[null, [], [1], ['1', 'x'], [-1, 'x'], [1.5, 'x'], [1, ''], [1, 'a\u0000b'], [1, 'x', 2]].map(encoded),
];

describe.each(lists)('a cursor that GET %s never gave is refused', (path) => {
  test.each(nonsense)('%s', async (cursor) => {
    await api.now.start();
    const { status, body } = await api.now.call(`GET ${path}?cursor=${cursor}`);
    const message = 'is no cursor of this list: send the nextCursor of the page before';
    expect([status, body.code, body.errors]).toEqual([422, 'invalid_request', [{ path: 'cursor', message }]]);
  });
});

test('the next page is found though the last row of the page before has gone', async () => {
  const { database } = api.now;
  const [project] = await database<{ id: string }[]>`select id from projects where name = 'one'`;
  const projectUuid = project!.id;
  const urls = ['http://h/1', 'http://h/2', 'http://h/3', `http://h/${'4'.repeat(2000)}`, 'http://h/5'];
  for (const url of urls) {
    await markGone(database, { projectUuid, url, runUuid: projectUuid, delivery: 'step', step: 'a' });
  }
  // Marked in the same moment, but for the last one: sorted by their URLs then.
  await database`update gone_endpoints set marked_at = '2026-01-01T00:00:00.123456Z' where url <> ${urls[4]!}`;
  const sorted = [urls[4]!, ...urls.slice(0, 4).toReversed()];
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor && `&cursor=${cursor}`;
    const { body }: { body: Page } = await api.now.call<Page>(`GET /v1/endpoints/gone?limit=2${after}`);
    seen.push(...body.data.map(({ url }) => url));
    cursor = body.nextCursor;
    await unmarkGone(database, projectUuid, seen.at(-1)!);
  }
  expect(seen).toEqual(sorted);
});
