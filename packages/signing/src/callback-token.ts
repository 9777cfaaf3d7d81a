import { createHmac, hkdfSync } from 'node:crypto';
import { errors, jwtVerify } from 'jose';

/** What a callback token is the right to: ending one attempt's delivery. */
export interface CallbackClaims {
  readonly run: string;
  readonly step: string;
  readonly round: number;
  readonly attempt: number;
}

export interface CallbackTokens {
  /** A JWT. Synchronous, because every request carries one: about 5 µs. */
  mint(claims: CallbackClaims, expiresAtSeconds: number): string;
  /** `expired` for a token of ours whose time is over; null for anything that is none of ours. */
  read(token: string, nowMs: number): Promise<CallbackClaims | 'expired' | null>;
}

const audience = 'waybill:callback';
const type = 'callback+jwt';
const algorithm = 'HS256';

/** @param masterKey the deployment's; the key of the tokens is derived from it. */
export function createCallbackTokens(masterKey: string): CallbackTokens {
  const key = Buffer.from(hkdfSync('sha256', masterKey.trim(), '', 'waybill callback tokens', 32));
  const head = encode({ alg: algorithm, typ: type });

  return {
    mint(claims, expiresAtSeconds) {
      const signed = `${head}.${encode({ ...claims, aud: audience, exp: expiresAtSeconds })}`;
      return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
    },

    async read(token, nowMs) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [algorithm],
          audience,
          typ: type,
          requiredClaims: ['exp'],
          currentDate: new Date(nowMs),
        });
        return claimsOf(payload);
      } catch (error) {
        return error instanceof errors.JWTExpired ? 'expired' : null;
      }
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function claimsOf(payload: Readonly<Record<string, unknown>>): CallbackClaims | null {
  const { run, step, round, attempt } = payload;
  const isClaims =
    typeof run === 'string' &&
    typeof step === 'string' &&
    typeof round === 'number' &&
    typeof attempt === 'number';
  return isClaims ? { run, step, round, attempt } : null;
}
