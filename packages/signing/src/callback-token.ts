import { createTokens, type Tokens } from './tokens.ts';

/** What a callback token is the right to: ending one attempt's delivery. */
export interface CallbackClaims {
  readonly run: string;
  readonly step: string;
  readonly round: number;
  readonly attempt: number;
}

export type CallbackTokens = Tokens<CallbackClaims>;

/** What an approval token is the right to: giving one wait of a run its signal. */
export interface ApprovalClaims {
  readonly run: string;
  readonly step: string;
}

export type ApprovalTokens = Tokens<ApprovalClaims>;

/** @param masterKey the deployment's; the key of the tokens is derived from it. */
export function createCallbackTokens(masterKey: string): CallbackTokens {
  return createTokens(masterKey, {
    name: 'callback',
    claimsOf({ run, step, round, attempt }) {
      const isClaims =
        typeof run === 'string' &&
        typeof step === 'string' &&
        typeof round === 'number' &&
        typeof attempt === 'number';
      return isClaims ? { run, step, round, attempt } : null;
    },
  });
}

/** @param masterKey the deployment's. */
export function createApprovalTokens(masterKey: string): ApprovalTokens {
  return createTokens(masterKey, {
    name: 'approval',
    claimsOf: ({ run, step }) => (typeof run === 'string' && typeof step === 'string' ? { run, step } : null),
  });
}
