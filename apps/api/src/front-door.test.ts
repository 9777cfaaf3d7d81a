import { Problem } from '@waybill/protocol';
import { expect, test } from 'vitest';
import { headersOf } from '../test/raw-headers.ts';
import type { Scope } from './deps.ts';
import { FrontDoor } from './front-door.ts';

const principal = (projectUuid: string, ...scopes: Scope[]) => ({
  projectUuid,
  baseUrl: null,
  scopes: new Set(scopes),
});
const known = new Map([
  ['Bearer wb_starter', principal('flooded', 'runs:write')],
  ['Bearer wb_admin', principal('flooded', 'admin')],
  ['Bearer wb_reader', principal('flooded', 'runs:read', 'workflows:write')],
  ['Bearer wb_stranger', principal('calm', 'admin')],
]);

/** A door behind which one project starts too much. */
function setUp({ isOpen = false, requestBodyBytesMax = 1_000_000 } = {}) {
  const counted: string[] = [];
  const problemOf = (retryAfterSeconds: number) =>
    new Problem('too_many_runs', 'too many', { retryAfterSeconds });
  let problem = problemOf(2);
  const door = new FrontDoor({
    keys: { known: (authorization) => known.get(authorization ?? '') ?? null },
    backlog: { isOpen, refusalOf: (project) => (project === 'flooded' ? problem : null) },
    metrics: { refused: (code) => void counted.push(code) },
    requestBodyBytesMax,
  });
  const start = {
    method: 'POST',
    url: '/v1/workflows/order/runs',
    authorization: 'Bearer wb_starter',
    length: '2',
  };
  return {
    counted,
    knock: (fields: object = {}) => door.refusalOf({ ...start, ...fields }),
    askToComeAfter: (seconds: number) => {
      problem = problemOf(seconds);
    },
  };
}

test.each([
  {},
  { authorization: 'Bearer wb_admin' },
  { url: '/v1/workflows/order/runs/batch' },
  { url: '/v1/workflows/..order.-_1/runs' },
  { length: '65536' },
])('is closed to a start of the project: %j', (fields) => {
  const { counted, knock } = setUp();
  const { status, headers: raw, body } = knock(fields)!;
  const headers = headersOf(raw);
  expect([status, headers.get('retry-after'), headers.get('content-length')]).toEqual([
    429,
    '2',
    String(body.length),
  ]);
  const requestId = headers.get('x-request-id');
  expect(requestId).toMatch(/^req_/);
  expect(JSON.parse(body)).toMatchObject({ code: 'too_many_runs', requestId });
  expect(counted).toEqual(['too_many_runs']);
});

test.each([
  { authorization: undefined },
  ...['wb_unknown', 'wb_reader', 'wb_stranger'].map((key) => ({ authorization: `Bearer ${key}` })),
  ...[undefined, '65537', 'x'].map((length) => ({ length })),
  ...['GET', 'HEAD', 'PUT', 'post'].map((method) => ({ method })),
  ...[
    ...['/v1/workflows', '/v1/workflows/order', '/v1/runs', '/v1/workflows/order/runs?x=1'],
    ...['/v1/workflows/order/runs/', '/v1/workflows/order/runs/batch/x', '/v1/workflows/a/b/runs'],
    ...['/v1/workflows/../runs', '/v1/workflows/./runs', '/v1/workflows/%2e%2e/runs', '/v1/workflows//runs'],
    ...['/v1/workflows/a#b/runs', '/v1/workflows/a\\b/runs', 'http://h.test/v1/workflows/order/runs'],
  ].map((url) => ({ url })),
])('lets everything else pass: %j', (fields) => {
  const { counted, knock } = setUp();
  expect([knock(fields), counted]).toEqual([null, []]);
});

test('tells each its own id, and what is so by now', () => {
  const { knock, askToComeAfter } = setUp();
  const first = headersOf(knock()!.headers);
  const second = headersOf(knock()!.headers);
  expect(second.get('x-request-id')).not.toBe(first.get('x-request-id'));
  askToComeAfter(7);
  expect(headersOf(knock()!.headers).get('retry-after')).toBe('7');
});

test('lets pass what is too long for any request', () => {
  const { knock } = setUp({ requestBodyBytesMax: 1000 });
  expect([knock({ length: '1000' })?.status, knock({ length: '1001' })]).toEqual([429, null]);
});

test('is open while everybody keeps up', () => {
  expect(setUp({ isOpen: true }).knock()).toBeNull();
});
