import type { Random } from '../support/random.ts';

/** What a client does for a run beside starting it. `resend`: its signal, and its hook once more, which had failed. */
export type Deed = 'none' | 'signal' | 'cancel' | 'retry' | 'resend';

/** A kind of run: its definition, what its client does, and how it must end. */
export interface Shape {
  readonly key: string;
  /** Of a hundred runs, about so many. */
  readonly weight: number;
  readonly deed: Deed;
  readonly states: readonly string[];
  readonly definition: object;
}

export const retries = { maxAttempts: 8, backoff: 'fixed', initialDelay: 0.1 };
const base = { defaults: { retries }, onComplete: '/done', onError: '/error', timeout: '10m' };
export const step = (id: string, url: string, ...dependsOn: string[]) => ({ id, url, dependsOn });
const completed = ['completed'];

/** `/ok` answers, `/flaky` fails one time in ten, `/refuse` for good; what the others do is in `mock.ts`. */
export const shapes: readonly Shape[] = [
  shape('chain', 30, 'none', completed, {
    steps: ['a', 'b', 'c', 'd', 'e'].map((id, index, ids) =>
      step(id, index % 2 ? '/flaky' : '/ok', ...ids.slice(Math.max(0, index - 1), index)),
    ),
  }),
  shape('fan', 14, 'none', completed, {
    defaults: { retries, parallel: true },
    steps: [
      step('root', '/ok'),
      ...[1, 2, 3].map((n) => step(`leaf${n}`, '/slow', 'root')),
      step('join', '/ok', 'leaf1', 'leaf2', 'leaf3'),
    ],
  }),
  shape('saga', 14, 'none', ['failed'], {
    saga: true,
    steps: [
      { ...step('book', '/ok'), compensation: '/undo' },
      { ...step('pay', '/flaky', 'book'), compensation: '/undo' },
      { ...step('pack', '/slow', 'pay'), compensation: '/undo' },
      step('ship', '/refuse', 'pack'),
    ],
  }),
  shape('callback', 12, 'none', completed, {
    steps: [step('ask', '/pending'), step('then', '/ok', 'ask'), step('last', '/slow', 'then')],
  }),
  shape('signal', 8, 'signal', completed, {
    steps: [step('a', '/ok'), { id: 'wait', waitFor: 'go', dependsOn: ['a'] }, step('b', '/ok', 'wait')],
  }),
  shape('sleep', 8, 'none', completed, {
    steps: [step('a', '/ok'), { id: 'nap', sleep: '700ms', dependsOn: ['a'] }, step('b', '/flaky', 'nap')],
  }),
  shape('child', 5, 'none', completed, {
    steps: [step('a', '/ok'), { id: 'sub', workflow: 'chain', dependsOn: ['a'] }, step('b', '/ok', 'sub')],
  }),
  shape('retried', 5, 'retry', completed, {
    steps: [step('a', '/ok'), step('ill', '/heals', 'a'), step('b', '/ok', 'ill')],
  }),
  // The end may be first: then the cancel is refused.
  shape('cancelled', 4, 'cancel', ['cancelled', 'completed'], {
    saga: true,
    steps: [
      { ...step('a', '/ok'), compensation: '/undo' },
      { id: 'nap', sleep: '2s', dependsOn: ['a'] },
      step('b', '/ok', 'nap'),
    ],
  }),
];

export function shape(
  key: string,
  weight: number,
  deed: Deed,
  states: readonly string[],
  fields: object,
): Shape {
  return { key, weight, deed, states, definition: { ...base, ...fields, id: key } };
}

export function pickShape(random: Random, among: readonly Shape[] = shapes): Shape {
  const tickets = among.flatMap((shape) => Array.from({ length: shape.weight }, () => shape));
  return random.pick(tickets);
}
