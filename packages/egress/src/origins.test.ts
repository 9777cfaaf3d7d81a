import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAddressPolicy } from './address-policy.ts';
import { Origins } from './origins.ts';
import { parseTarget, type Target } from './target.ts';

const policy = createAddressPolicy({ allow: [] });
let origins: Origins;

beforeEach(() => {
  origins = new Origins({ policy, connectionsPerOrigin: 1, connectTimeoutMs: 1_000 });
});

afterEach(() => origins.destroy());

function target(host: string): Target {
  return parseTarget(`http://${host}/`, policy) as Target;
}

describe('the pools', () => {
  it('are one for each origin', () => {
    expect(origins.obtain(target('a.test'))).toBe(origins.obtain(target('a.test')));
    origins.obtain(target('a.test:8080'));
    expect(origins.size).toBe(2);
  });

  it('close when idle for long, unless a request is open', () => {
    const idle = origins.obtain(target('idle.test'));
    const busy = origins.obtain(target('busy.test'));
    busy.open = 1;
    origins.closeIdle(idle.usedAtMs - 1);
    expect(origins.size).toBe(2);
    origins.closeIdle(performance.now());
    expect(idle.pool.destroyed).toBe(true);
    expect(origins.find('http://busy.test')).toBe(busy);
    expect(origins.size).toBe(1);
  });

  it('are bounded in number: the one idle longest makes room', () => {
    const oldest = origins.obtain(target('h0.test'));
    const busy = origins.obtain(target('h1.test'));
    oldest.usedAtMs = -1;
    busy.usedAtMs = -2;
    busy.open = 1;
    for (let i = 2; i <= 1_000; i++) origins.obtain(target(`h${i}.test`));
    expect(origins.size).toBe(1_000);
    expect(origins.find('http://h0.test')).toBeUndefined();
    expect(origins.find('http://h1.test')).toBe(busy);
  });
});
