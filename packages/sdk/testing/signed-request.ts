import { createSigner } from '@waybill/signing';

export const signingSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The message of a step as Waybill sends it. */
export const stepMessage = {
  context: { orderId: 'order_123' },
  previousSteps: {
    validate: {
      state: 'completed',
      success: true,
      result: { total: 12, success: true },
      error: null,
      attempts: 1,
      startedAt: '2026-01-01T00:00:00.000Z',
      completedAt: '2026-01-01T00:00:01.000Z',
    },
  },
  payload: { currency: 'EUR' },
  run: { id: 'run_1', workflowId: 'order', version: 1, startedAt: '2026-01-01T00:00:00.000Z' },
  step: { id: 'charge', attempt: 1, maxAttempts: 3, timeout: 300, deadline: '2026-01-01T00:05:00.000Z' },
};

export interface SignedOptions {
  readonly body?: string;
  readonly secret?: string;
  readonly ageSeconds?: number;
}

export function signedInit({ secret = signingSecret, ageSeconds = 0, ...rest }: SignedOptions = {}) {
  const { body = JSON.stringify(stepMessage) } = rest;
  const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
  const id = 'msg_1';
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': createSigner([secret]).sign({ id, timestampSeconds, body }),
  };
  return { method: 'POST', headers, body };
}

export function signedRequest(options?: SignedOptions): Request {
  return new Request('https://shop.example/api/jobs/charge', signedInit(options));
}
