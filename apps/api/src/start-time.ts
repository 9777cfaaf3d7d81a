import { type Limits, limitOf, Problem } from '@waybill/protocol';

export interface StartTime {
  readonly delay?: number | undefined;
  readonly runAt?: string | undefined;
}

/**
 * Epoch ms, or undefined for now. `path` is where the fields were sent.
 * @throws Problem `invalid_request` for both at once, or a time further away than `delaySecondsMax`.
 */
export function startAtOf(
  { delay, runAt }: StartTime,
  { nowMs, limits, path = '' }: { readonly nowMs: number; readonly limits: Limits; readonly path?: string },
): number | undefined {
  if (delay !== undefined && runAt !== undefined) {
    throw fault({ path: `${path}runAt`, message: 'delay and runAt exclude each other: keep one' });
  }
  const atMs = runAt === undefined ? nowMs + Math.round((delay ?? 0) * 1000) : Date.parse(runAt);
  const seconds = (atMs - nowMs) / 1000;
  if (seconds > limits.delaySecondsMax) {
    const limit = limitOf(limits, 'delaySecondsMax');
    const message = `is ${Math.ceil(seconds)} s from now, above delaySecondsMax ${limit.value}`;
    throw fault({ path: `${path}${runAt === undefined ? 'delay' : 'runAt'}`, message, limit });
  }
  return atMs > nowMs ? atMs : undefined;
}

function fault(error: { path: string; message: string; limit?: { name: string; value: number } }): Problem {
  return new Problem('invalid_request', 'the request has 1 fault(s)', { errors: [error] });
}
