import type { Database } from '@waybill/store';
import { expect, test } from 'vitest';
import { Writes } from './writes.ts';

const database = {} as Database;
const unavailable = { code: 'unavailable', retryAfterSeconds: 5 };

test('a write that hangs is answered in time, and holds up no later one', async () => {
  const writes = new Writes(database, { answerMsMax: 20, hangingMsMax: 10 });
  let end = () => {};
  const hanging = new Promise<void>((resolve) => {
    end = resolve;
  });
  await expect(writes.run(() => hanging)).rejects.toMatchObject(unavailable);
  expect(writes.stuckForMs()).toBeGreaterThan(0);
  // Refused before it is sent.
  await expect(writes.run(() => expect.unreachable())).rejects.toMatchObject(unavailable);
  end();
  await hanging;
  await expect(writes.run(async () => 1)).resolves.toBe(1);
  expect(writes.stuckForMs()).toBe(0);
});

test('what the write throws is thrown, and it counts as answered', async () => {
  const writes = new Writes(database, { hangingMsMax: 0 });
  await expect(writes.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(writes.stuckForMs()).toBe(0);
});
