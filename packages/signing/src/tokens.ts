import { createHmac, hkdfSync } from 'node:crypto';
import { errors, jwtVerify } from 'jose';

export interface Tokens<Claims> {
  /** A JWT. Synchronous, because every request carries one: about 5 µs. */
  mint(claims: Claims, expiresAtSeconds: number): string;
  /** `expired` for a token of ours whose time is over; null for anything that is none of ours. */
  read(token: string, nowMs: number): Promise<Claims | 'expired' | null>;
}

interface TokenKind<Claims> {
  /** Part of the key, the audience and the type: a token of one kind is none of another. */
  readonly name: string;
  readonly claimsOf: (payload: Readonly<Record<string, unknown>>) => Claims | null;
}

const algorithm = 'HS256';

/** @param masterKey the deployment's; the key of the tokens is derived from it. */
export function createTokens<Claims extends object>(
  masterKey: string,
  { name, claimsOf }: TokenKind<Claims>,
): Tokens<Claims> {
  const audience = `waybill:${name}`;
  const type = `${name}+jwt`;
  const key = Buffer.from(hkdfSync('sha256', masterKey.trim(), '', `waybill ${name} tokens`, 32));
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
