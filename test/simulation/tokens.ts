import type { CallbackOptions } from '@waybill/dispatcher';

export interface CallbackClaims {
  readonly run: string;
  readonly step: string;
  readonly round: number;
  readonly attempt: number;
}

const publicUrl = 'https://waybill.test';
const prefix = `${publicUrl}/v1/callbacks/`;

/** Callback URLs that anybody may read: forging tokens is not what is simulated. */
export const callbackOptions: CallbackOptions = {
  publicUrl,
  tokens: {
    mint: ({ run, step, round, attempt }) => [run, encodeURIComponent(step), round, attempt].join('~'),
    read: () => {
      throw new Error('the API reads tokens, and is not simulated');
    },
  },
  approvals: {
    mint: ({ run, step }) => `${run}~${encodeURIComponent(step)}`,
    read: () => {
      throw new Error('the API reads tokens, and is not simulated');
    },
  },
};

/** What the callback URL in the body of a request entitles to; null when it offers none. */
export function claimsIn(body: string): CallbackClaims | null {
  const start = body.indexOf(prefix);
  if (start === -1) return null;
  const from = start + prefix.length;
  const [run, step, round, attempt] = body.slice(from, body.indexOf('"', from)).split('~');
  return { run: run!, step: decodeURIComponent(step!), round: Number(round), attempt: Number(attempt) };
}
