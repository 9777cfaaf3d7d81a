import { writeSync } from 'node:fs';
import { StoreError } from './errors.ts';

/**
 * What a flush of the journal may carry. Each kind has a point before it is sent and one when it is committed and
 * nobody has been told.
 */
export const flushKinds = {
  start: 'a new run',
  begin: 'the first claim of a run',
  attempt: 'the start of an attempt, told later than it was sent, or before at-most-once',
  step: 'the end of a step',
  retry: 'an attempt that failed and goes again',
  pending: 'the wait for a callback',
  wait: 'the beginning or the end of a sleep or a wait for a signal',
  child: 'a sub-workflow and its step',
  post: 'a command for another run',
  command: 'the outcome of a command from outside, a callback too',
  reopen: 'a retry by hand',
  compensation: 'the end of a compensation',
  end: 'the end of the run',
  hook: 'the end of its hook',
  park: 'an idle run given back to the queue',
} as const;

export type FlushKind = keyof typeof flushKinds;

const points = {
  'api.key': 'an Idempotency-Key is claimed, and nothing written for it',
  'api.started': 'a run is durable, and its client not answered',
  'api.command': 'a command is about to be left in an inbox',
  'api.commanded': 'a command lies in an inbox, and nobody has been told',
  'api.applied': 'the outcome of a command is known, and its client not answered',
  'claim.after': 'runs are claimed, and not loaded',
  'load.after': 'a journal is read, and not taken up',
  'rescue.after': 'the runs of a dead dispatcher are free',
  'lease.release': 'all has been finished, and the lease is still held',
  'schedule.due': 'ticks of schedules are due, and nothing is written for them',
  'schedule.started': 'their runs are durable, and nobody has been told',
  'send.step': 'an attempt of a step is decided, and nothing sent',
  'send.compensation': 'the same of a compensation',
  'send.hook': 'the same of a hook',
  'answer.step': 'a handler has answered, and nothing is decided',
  'answer.compensation': 'the same of a compensation',
  'answer.hook': 'the same of a hook',
} as const;

export type FailpointName = keyof typeof points | `flush.${'before' | 'after'}.${FlushKind}`;

/** Every point at which a process may be made to die, and what is true there. */
export const failpoints: Readonly<Record<FailpointName, string>> = {
  ...points,
  ...(Object.fromEntries(
    Object.entries(flushKinds).flatMap(([kind, what]) => [
      [`flush.before.${kind}`, `a flush is about to be sent: ${what}`],
      [`flush.after.${kind}`, `a flush has committed, and nobody has been told: ${what}`],
    ]),
  ) as Record<Extract<FailpointName, `flush.${string}`>, string>),
};

let armed: { readonly name: string; left: number } | null = null;

/**
 * `name`, or `name:n` for the nth time that it is reached. For crash tests: once for a process, before it does
 * anything. @throws StoreError when there is no such point.
 */
export function armFailpoint(spec: string): void {
  const [, name = '', times = '1'] = /^([\w.]+)(?::([1-9]\d*))?$/.exec(spec) ?? [];
  if (!(name in failpoints)) {
    throw new StoreError('unknown_failpoint', `WAYBILL_FAILPOINT: there is no point "${spec}"`);
  }
  armed = { name, left: Number(times) };
}

export function isAnyFailpointArmed(): boolean {
  return armed !== null;
}

/** Here the process dies like one whose machine did, if that is asked for. */
export function failpoint(name: FailpointName): void {
  if (armed === null || armed.name !== name || --armed.left > 0) return;
  writeSync(2, `failpoint ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing may happen in it.
  for (;;);
}
