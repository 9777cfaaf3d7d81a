import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanUp, serve } from '../test/harness.ts';
import { createAddressPolicy } from './address-policy.ts';
import { AnswerRoom } from './answer-room.ts';
import { Origins } from './origins.ts';
import { parseTarget, type Target } from './target.ts';

const policy = createAddressPolicy({ allow: [] });
let origins: Origins;

beforeEach(() => {
  origins = new Origins({
    policy,
    room: new AnswerRoom(1000),
    connectionsPerOrigin: 1,
    connectTimeoutMs: 1_000,
  });
});

afterEach(async () => {
  await origins.destroy();
  await cleanUp();
});

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

  it('keep nothing of the sockets that closed', async () => {
    const { port } = await serve((_, response) => response.setHeader('connection', 'close').end('ok'));
    const local = createAddressPolicy({ allow: ['127.0.0.0/8'] });
    const some = new Origins({
      policy: local,
      room: new AnswerRoom(1000),
      connectionsPerOrigin: 4,
      connectTimeoutMs: 1_000,
    });
    const { pool } = some.obtain(parseTarget(`http://127.0.0.1:${port}/`, local) as Target);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => pool.request({ path: '/', method: 'POST', body: 'x' })),
    );
    expect(some.socketCount).toBeGreaterThan(0);
    for (const { body } of answers) await body.dump();
    await expect.poll(() => some.socketCount, { interval: 1 }).toBe(0);
    await some.destroy();
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
