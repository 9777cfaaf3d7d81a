import { Problem } from '@waybill/protocol';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ApiEnv } from './deps.ts';
import { problemResponse } from './problems.ts';

/**
 * Refuses bodies above `maxSize` bytes before a handler reads them. A declared length is judged by its
 * header alone: hono's own check builds a whole web stream for every request, about 15 µs.
 */
export function limitBody(maxSize: number): MiddlewareHandler<ApiEnv> {
  const limit = { name: 'requestBodyBytesMax', value: maxSize };
  const detail = `the body is above requestBodyBytesMax ${maxSize}`;
  const tooLarge = () => new Problem('payload_too_large', detail, { limit });
  const counting = bodyLimit({ maxSize, onError: (c) => problemResponse(c, tooLarge()) });
  return async (c, next) => {
    const length = c.req.header('content-length');
    const isDeclared = length !== undefined && c.req.header('transfer-encoding') === undefined;
    if (!isDeclared && c.req.method !== 'GET') return counting(c, next);
    if (isDeclared && Number(length) > maxSize) throw tooLarge();
    return next();
  };
}
