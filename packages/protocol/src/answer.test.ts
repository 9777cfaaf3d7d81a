import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyAnswer, type HandlerAnswer } from './answer.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

interface Given {
  status?: number;
  headers?: HandlerAnswer['headers'];
  body?: string;
  retryOn?: number[];
  resultBytesMax?: number;
}

function classify({ status = 200, headers = {}, body = '', retryOn, resultBytesMax = 2 ** 20 }: Given) {
  const retries = retryOn ? { retryOn } : {};
  return classifyAnswer({ status, headers, body }, { retries, resultBytesMax, nowMs });
}

const failure = (given: Given) => {
  const outcome = classify(given);
  if (outcome.kind !== 'failure') throw new Error('it was classified as a success');
  return outcome;
};

const digits = '9'.repeat(100_000);
const nested = '['.repeat(100_000) + ']'.repeat(100_000);

describe('next', () => {
  test('names the branches taken', () => {
    expect(classify({ body: '{"result":1,"next":["a","b"]}' })).toMatchObject({
      result: '1',
      next: ['a', 'b'],
    });
  });

  test('of another form fails the step for good', () => {
    for (const next of ['"a"', '[1]', '{}']) {
      expect(failure({ body: `{"result":1,"next":${next}}` })).toMatchObject({
        retryable: false,
        error: { code: 'invalid_next' },
      });
    }
  });

  test('of a body that is no envelope is data', () => {
    expect(classify({ body: '{"next":"a","id":1}' })).toMatchObject({ result: '{"next":"a","id":1}' });
  });
});

describe('the result of a success is the exact text', () => {
  test.each([
    ['empty', '', 'null'],
    ['envelope with result', '{"success":true,"result":{"b":1,"a":2}}', '{"b":1,"a":2}'],
    ['envelope: result alone', '{"result": [1, 2] }', '[1, 2]'],
    ['envelope without result', '{"success":true}', 'null'],
    ['envelope with a null result', '{"success":true,"result":null}', 'null'],
    ['envelope, every key', '{"success":true,"result":1,"error":null,"addSteps":[]}', '1'],
    ['not an envelope: one foreign key', '{"result":1,"id":2}', '{"result":1,"id":2}'],
    ['empty object', '{}', '{}'],
    ['success true is kept in a foreign object', '{"success":true,"id":2}', '{"success":true,"id":2}'],
    ['__proto__ is a foreign key', '{"result":1,"__proto__":{}}', '{"result":1,"__proto__":{}}'],
    ['array', ' [1,\t2]\r\n', '[1,\t2]'],
    ['null', 'null', 'null'],
    ['true', 'true', 'true'],
    ['number', '1.50', '1.50'],
    ['string', '"a"', '"a"'],
    ['text', 'OK\n"quoted"', JSON.stringify('OK\n"quoted"')],
    ['whitespace only is text', '  ', '"  "'],
    ['cut JSON is text', '{"result":', JSON.stringify('{"result":')],
    ['a raw NUL is text', '"\u0000"', JSON.stringify('"\u0000"')],
    ['\\u0000', '{"result":"\\u0000"}', '"\\u0000"'],
    ['lone surrogate as an escape', '{"result":"\\ud800"}', '"\\ud800"'],
    ['lone surrogate in text', 'a\ud800', '"a\\ud800"'],
    ['duplicate keys in the result', '{"result":{"a":1,"a":2}}', '{"a":1,"a":2}'],
    ['duplicate results: the last', '{"result":1,"result":2}', '2'],
    ['1e400', '{"result":1e400}', '1e400'],
    ['20 digits', '{"id":12345678901234567890}', '{"id":12345678901234567890}'],
    ['100,000 digits', `{"result":${digits}}`, digits],
    ['nested 100,000 deep', nested, nested],
    ['nested 100,000 deep in an envelope', `{"result":${nested}}`, nested],
  ])('%s', (_name, body, result) => {
    expect(classify({ body })).toEqual({ kind: 'success', status: 200, result });
  });

  test.each([200, 201, 202, 204, 299])('status %d', (status) => {
    expect(classify({ status, body: '{"a":1}' })).toEqual({ kind: 'success', status, result: '{"a":1}' });
  });

  test('one byte above the limit fails for good, and names the limit', () => {
    expect(classify({ body: '"é"', resultBytesMax: 4 })).toMatchObject({ kind: 'success' });
    expect(classify({ body: '"éé"', resultBytesMax: 4 })).toMatchObject({
      kind: 'failure',
      retryable: false,
      error: { code: 'result_too_large', message: 'the result has 6 bytes, above resultBytesMax 4' },
    });
  });
});

describe('which failures are worth another attempt', () => {
  test.each([
    [100, false],
    [101, false],
    [199, false],
    [300, false],
    [301, false],
    [302, false],
    [304, false],
    [308, false],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [407, false],
    [408, true],
    [409, false],
    [418, false],
    [422, false],
    [425, true],
    [426, false],
    [429, true],
    [451, false],
    [499, false],
    [500, true],
    [501, true],
    [502, true],
    [503, true],
    [504, true],
    [599, true],
  ])('status %d: %s', (status, retryable) => {
    expect(failure({ status })).toMatchObject({
      retryable,
      status,
      error: { code: `http_${status}`, status },
    });
  });

  test('410 is final whatever else says otherwise: the endpoint is gone', () => {
    const given = { status: 410, body: '{"retryable":true,"error":{"code":"moved","message":"bye"}}' };
    expect(failure({ ...given, retryOn: [410] })).toMatchObject({
      retryable: false,
      error: { code: 'endpoint_gone', message: 'bye', status: 410 },
    });
  });

  test.each<[string, Given, boolean]>([
    ['success: false', { body: '{"success":false}' }, false],
    ['success: false beside foreign keys', { body: '{"success":false,"id":1}' }, false],
    ['the last of duplicates counts', { body: '{"success":true,"success":false}' }, false],
    ['retryable: true', { body: '{"success":false,"retryable":true}' }, true],
    ['retryable: false', { body: '{"success":false,"retryable":false}' }, false],
    ['retryable: "yes" is not true', { body: '{"success":false,"retryable":"yes"}' }, false],
    [
      'error.retryable false wins',
      { body: '{"success":false,"retryable":true,"error":{"retryable":false}}' },
      false,
    ],
    ['500 with error.retryable false', { status: 500, body: '{"error":{"retryable":false}}' }, false],
    ['503 with retryable false', { status: 503, body: '{"retryable":false}' }, false],
    ['404 is not made retryable by its body', { status: 404, body: '{"retryable":true}' }, false],
    ['503 with abort', { status: 503, headers: { 'webhook-delivery': 'abort' } }, false],
    ['503 with Abort, twice', { status: 503, headers: { 'webhook-delivery': ['Abort', 'x'] } }, false],
    ['503 with another word', { status: 503, headers: { 'webhook-delivery': 'later' } }, true],
    [
      'success: false, retryable, with abort',
      { headers: { 'webhook-delivery': 'abort' }, body: '{"success":false,"retryable":true}' },
      false,
    ],
    ['retryOn adds', { status: 404, retryOn: [404] }, true],
    ['retryOn replaces', { status: 500, retryOn: [404] }, false],
    ['retryOn of nothing', { status: 503, retryOn: [] }, false],
    ['retryOn and abort', { status: 404, retryOn: [404], headers: { 'webhook-delivery': 'abort' } }, false],
  ])('%s', (_name, given, retryable) => {
    expect(failure(given).retryable).toBe(retryable);
  });

  test('an abort header does not turn a success into a failure', () => {
    expect(classify({ headers: { 'webhook-delivery': 'abort' } })).toMatchObject({ kind: 'success' });
  });

  test.each<[string, Given]>([
    ['header', { status: 202, headers: { 'waybill-callback': 'Pending' } }],
    ['body', { status: 202, body: '{"pending":true}' }],
  ])('a callback is announced by %s', (_name, given) => {
    expect(classify(given)).toEqual({ kind: 'pending', status: 202 });
  });

  test.each<[string, Given]>([
    ['200 with the header', { headers: { 'waybill-callback': 'pending' } }],
    ['202 with pending: false', { status: 202, body: '{"pending":false}' }],
    ['202 with pending in a foreign object', { status: 202, body: '{"pending":true,"id":1}' }],
  ])('no callback: %s', (_name, given) => {
    expect(classify(given)).toMatchObject({ kind: 'success' });
  });
});

describe('retryAfterMs', () => {
  const inAMinute = 'Thu, 01 Jan 2026 00:01:00 GMT';
  test.each<[string, string | string[] | undefined, string, number | undefined]>([
    ['none', undefined, '', undefined],
    ['seconds', '120', '', 120_000],
    ['fraction', ' 1.5 ', '', 1500],
    ['zero', '0', '', undefined],
    ['HTTP date', inAMinute, '', 60_000],
    ['past date', 'Wed, 31 Dec 2025 00:00:00 GMT', '', undefined],
    ['first of two headers', ['5', '6'], '', 5000],
    ['garbage', 'soon', '', undefined],
    ['garbage with a year', 'soon 2099', '', undefined],
    ['negative', '-5', '', undefined],
    ['exponent', '1e3', '', undefined],
    ['endless digits', '9'.repeat(400), '', undefined],
    ['body', undefined, '{"retryAfter":2.5}', 2500],
    ['negative body', undefined, '{"retryAfter":-1}', undefined],
    ['infinite body', undefined, '{"retryAfter":1e400}', undefined],
    ['text in the body', undefined, '{"retryAfter":"30"}', undefined],
    ['both: the later, body', '1', '{"retryAfter":2}', 2000],
    ['both: the later, header', inAMinute, '{"retryAfter":2}', 60_000],
    ['garbage header, good body', 'soon', '{"retryAfter":2}', 2000],
  ])('%s', (_name, header, body, expected) => {
    expect(failure({ status: 503, headers: { 'retry-after': header }, body }).retryAfterMs).toBe(expected);
  });
});

describe('the error says what the handler said', () => {
  test.each([
    ['nothing', '{"success":false}', { code: 'handler_failed' }],
    ['string', '{"success":false,"error":"no stock"}', { code: 'handler_failed', message: 'no stock' }],
    ['null', '{"success":false,"error":null}', { code: 'handler_failed' }],
    ['number', '{"success":false,"error":7}', { code: 'handler_failed', details: 7 }],
    ['array', '{"success":false,"error":[1]}', { details: [1] }],
    [
      'object',
      '{"success":false,"error":{"code":"no_stock","message":"none","sku":"a","retryable":false}}',
      { code: 'no_stock', message: 'none', details: { sku: 'a' } },
    ],
    ['code of another type', '{"success":false,"error":{"code":5}}', { code: 'handler_failed' }],
    ['deep details', `{"success":false,"error":{"why":${nested}}}`, { details: expect.any(String) }],
    ['deep error', `{"success":false,"error":${nested}}`, { details: expect.any(String) }],
    ['wide details', `{"success":false,"error":["${'x'.repeat(20_000)}"]}`, { details: expect.any(String) }],
  ])('%s', (_name, body, error) => {
    const outcome = failure({ body });
    expect(outcome.error).toMatchObject({ status: 200, ...error });
    expect(JSON.stringify(outcome.error).length).toBeLessThan(20_000);
  });

  test('long messages and codes are cut, and so is the excerpt', () => {
    const long = 'x'.repeat(100_000);
    for (const error of [long, { message: long, code: long }]) {
      const outcome = failure({ status: 500, body: JSON.stringify({ error }) });
      expect(JSON.stringify(outcome).length).toBeLessThan(6000);
      expect(outcome.error.message).toMatch(/^x{1000}/);
      expect(outcome.excerpt).toHaveLength(1024);
    }
  });
});

test('it never throws, and never makes a success of another status than 2xx', () => {
  const body = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constantFrom('', '{}', nested));
  const header = fc.option(fc.string(), { nil: undefined });
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), body, header, (status, text, value) => {
      const headers = { 'retry-after': value, 'webhook-delivery': value, 'waybill-callback': value };
      const outcome = classify({ status, headers, body: text });
      if (status < 200 || status > 299) expect(outcome.kind).toBe('failure');
      if (outcome.kind === 'success') JSON.parse(outcome.result);
      JSON.stringify(outcome);
    }),
  );
});
