import type { Runtime } from '../src/runtime.ts';

/** A clock that moves by sleeping only, and remembers each sleep. `random` 0.5 means no jitter. */
export function fakeRuntime(): Runtime & { slept: number[]; advance(ms: number): void } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    advance: (ms) => {
      now += ms;
    },
    nowMs: () => now,
    epochMs: () => Date.parse('2026-01-01T00:00:00Z') + now,
    random: () => 0.5,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
  };
}
