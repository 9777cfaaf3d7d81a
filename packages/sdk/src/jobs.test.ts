import { createSigner } from '@waybill/signing';
import { describe, expect, test } from 'vitest';
import { signedInit, signedRequest, signingSecret, stepMessage } from '../testing/signed-request.ts';
import {
  completed,
  type Job,
  type JobInput,
  PermanentError,
  pending,
  RetryableError,
  Waybill,
} from './index.ts';

const { jobs } = new Waybill({ signingSecret });

describe('verifyRequest', () => {
  test('is true for a genuine request, whose body can still be read', async () => {
    const request = signedRequest();
    expect(await jobs.verifyRequest(request)).toBe(true);
    expect(request.bodyUsed).toBe(false);
    expect(await request.json()).toEqual(stepMessage);
  });

  test('is true with any of several secrets, for a body beyond ASCII, and for an empty one', async () => {
    const other = `whsec_${'A'.repeat(32)}`;
    const rotating = new Waybill({ signingSecret: [other, signingSecret] });
    expect(await rotating.jobs.verifyRequest(signedRequest())).toBe(true);
    expect(await rotating.jobs.verifyRequest(signedRequest({ secret: other }))).toBe(true);
    expect(await jobs.verifyRequest(signedRequest({ body: '{"name":"Žofie 😀"}' }))).toBe(true);
    expect(await jobs.verifyRequest(signedRequest({ body: '' }))).toBe(true);
  });

  const genuine = signedInit();
  const withHeader = (name: string, value: string | undefined) => {
    const headers = new Headers(genuine.headers);
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
    return new Request('https://shop.example/', { ...genuine, headers });
  };

  test.each([
    [
      'a changed byte of the body',
      () => new Request('https://shop.example/', { ...genuine, body: `${genuine.body} ` }),
    ],
    ['another secret', () => signedRequest({ secret: `whsec_${'A'.repeat(32)}` })],
    ['an old timestamp', () => signedRequest({ ageSeconds: 310 })],
    ['a timestamp in the future', () => signedRequest({ ageSeconds: -310 })],
    ['no id', () => withHeader('webhook-id', undefined)],
    ['no timestamp', () => withHeader('webhook-timestamp', undefined)],
    ['no signature', () => withHeader('webhook-signature', undefined)],
    ['a signature that is none', () => withHeader('webhook-signature', 'v1,%%%')],
    ['another id', () => withHeader('webhook-id', 'msg_2')],
  ])('is false for %s', async (_name, request) => {
    expect(await jobs.verifyRequest(request())).toBe(false);
  });

  test('says so when the body was read before', async () => {
    const request = signedRequest();
    await request.text();
    await expect(jobs.verifyRequest(request)).rejects.toMatchObject({ code: 'body_already_read' });
    await expect(jobs.handler(() => 1)(request)).rejects.toMatchObject({ code: 'body_already_read' });
  });

  test('verifies Ed25519 with the public key', async () => {
    const secret =
      'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
    const publicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=';
    const platform = new Waybill({ signingSecret: publicKey });
    expect(await platform.jobs.verifyRequest(signedRequest({ secret }))).toBe(true);
    expect(createSigner([secret]).sign({ id: 'a', timestampSeconds: 1, body: '' })).toMatch(/^v1a,/);
  });
});

describe('handler', () => {
  const run = (job: Job, request = signedRequest()) => jobs.handler(job)(request);
  const boom = (error: unknown) => () => {
    throw error;
  };

  test('gives the job what came, and the request', async () => {
    let input: JobInput | undefined;
    const request = signedRequest();
    await run((given) => {
      input = given;
    }, request);
    expect(input).toEqual({ ...stepMessage, request });
    expect(input?.request).toBe(request);
  });

  test('passes the callback of its step on', async () => {
    const callback = { url: 'https://api.example/v1/callbacks/t', expiresAt: '2026-01-01T00:05:00.000Z' };
    const body = JSON.stringify({ ...stepMessage, callback });
    const answer = await run(({ callback }) => callback, signedRequest({ body }));
    expect(await answer.json()).toEqual({ success: true, result: callback });
  });

  test('gives a compensation its type, result and error', async () => {
    const message = {
      type: 'compensation',
      result: { id: 'ch_1' },
      error: { code: 'http_500', message: 'no' },
    };
    const answer = await run(
      ({ type, result, error, context }) => ({ type, result, error, context }),
      signedRequest({ body: JSON.stringify(message) }),
    );
    expect(await answer.json()).toEqual({ success: true, result: { ...message, context: {} } });
  });

  test.each([
    [{ charged: true }, { charged: true }],
    [
      [1, 2],
      [1, 2],
    ],
    ['text', 'text'],
    [undefined, null],
    [{ success: false }, { success: false }],
  ])('wraps the result %j in an envelope', async (result, expected) => {
    const answer = await run(async () => result);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual({ success: true, result: expected });
  });

  test('passes a Response on, such as pending()', async () => {
    const answer = await run(() => pending());
    expect(answer.status).toBe(202);
    expect(answer.headers.get('waybill-callback')).toBe('pending');
  });

  const later = { id: 'later', url: '/later', runCondition: 'onFailure' } as const;

  test.each([
    ['nothing else', completed(1), { success: true, result: 1 }],
    ['no result', completed(undefined), { success: true, result: null }],
    ['a branch', completed(1, { next: ['ship'] }), { success: true, result: 1, next: ['ship'] }],
    [
      'steps to add',
      completed({ a: 1 }, { addSteps: [{ id: 'ship', url: '/ship', dependsOn: ['pack'] }] }),
      { success: true, result: { a: 1 }, addSteps: [{ id: 'ship', url: '/ship', dependsOn: ['pack'] }] },
    ],
  ])('completed() says its result and %s', async (_name, given, expected) => {
    const answer = await run(() => given);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual(expected);
  });

  test('gives an instance of a forEach its item and index, and a step its approval links', async () => {
    const step = { ...stepMessage.step, id: 'notify[7]', item: { to: 'Ada' }, index: 7 };
    const approvals = { approved: { url: 'https://api.example/v1/approvals/t' } };
    const body = JSON.stringify({ ...stepMessage, step, approvals });
    const answer = await run(
      ({ step, approvals }) => [step.id, step.item, step.index, approvals?.approved?.url],
      signedRequest({ body }),
    );
    const result = ['notify[7]', { to: 'Ada' }, 7, approvals.approved.url];
    expect(await answer.json()).toEqual({ success: true, result });
  });

  test.each([
    [
      'PermanentError with steps to add',
      new PermanentError('no', { code: 'declined', addSteps: [later] }),
      200,
      null,
      {
        success: false,
        retryable: false,
        error: { message: 'no', code: 'declined' },
        addSteps: [later],
      },
    ],
    [
      'RetryableError with steps to add',
      new RetryableError('busy', { addSteps: [later] }),
      503,
      null,
      {
        success: false,
        retryable: true,
        error: { message: 'busy', code: 'retryable_error' },
        addSteps: [later],
      },
    ],
    [
      'PermanentError',
      new PermanentError('card declined', { code: 'card_declined' }),
      200,
      null,
      { success: false, retryable: false, error: { message: 'card declined', code: 'card_declined' } },
    ],
    [
      'RetryableError with a time',
      new RetryableError('busy', { retryAfter: 1.5 }),
      503,
      '2',
      {
        success: false,
        retryable: true,
        retryAfter: 1.5,
        error: { message: 'busy', code: 'retryable_error' },
      },
    ],
    [
      'RetryableError without one',
      new RetryableError('busy', { code: 'busy' }),
      503,
      null,
      { success: false, retryable: true, error: { message: 'busy', code: 'busy' } },
    ],
    [
      'any other error',
      new Error('oops', { cause: 'hidden' }),
      500,
      null,
      { success: false, error: { message: 'oops' } },
    ],
    ['anything else', 'oops', 500, null, { success: false, error: { message: 'oops' } }],
  ])('answers %s', async (_name, thrown, status, retryAfter, body) => {
    const answer = await run(boom(thrown));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
    expect(await answer.json()).toEqual(body);
  });

  test('fails for good when the result cannot be written as JSON', async () => {
    const answer = await run(() => ({ total: 1n }));
    expect(await answer.json()).toMatchObject({
      success: false,
      retryable: false,
      error: { code: 'result_not_serializable' },
    });
  });

  test.each([
    [
      'a forged request',
      401,
      'invalid_signature',
      () => signedRequest({ secret: `whsec_${'A'.repeat(32)}` }),
    ],
    ['a body that is not JSON', 400, 'invalid_json', () => signedRequest({ body: '{' })],
    ['a body that is not an object', 400, 'invalid_json', () => signedRequest({ body: '[]' })],
    ['another method', 405, 'method_not_allowed', () => new Request('https://shop.example/')],
  ])('refuses %s with a %d problem, and the job does not run', async (_name, status, code, request) => {
    let ran = false;
    const answer = await run(() => {
      ran = true;
    }, request());
    expect(ran).toBe(false);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status, code });
    expect(answer.headers.get('allow')).toBe(status === 405 ? 'POST' : null);
  });
});
