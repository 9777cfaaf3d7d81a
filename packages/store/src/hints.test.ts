import { mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, startTemporaryPostgres } from '@waybill/embedded';
import { expect, test, vi } from 'vitest';
import { startProxy } from '../test/proxy.ts';
import { Hints } from './hints.ts';

/** Counts, and waits for a count. */
function createCounter() {
  let count = 0;
  let onChange = () => {};
  return {
    add: () => {
      count++;
      onChange();
    },
    get count() {
      return count;
    },
    async reaches(least: number): Promise<void> {
      while (count < least) await new Promise<void>((resolve) => (onChange = resolve));
    },
  };
}

test('a hint reaches every listener of its channel; many at once are one; a listener outlasts the server', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waybill-hints-'));
  const first = await startEmbeddedPostgres({ dataDir, isDurable: false });
  const [sender, receiver] = [new Hints(first.url), new Hints(first.url)];
  const [work, runs] = [createCounter(), createCounter()];
  receiver.listen('work', work.add);
  receiver.listen('runs', runs.add);
  // Each once for the LISTEN itself: hints may have been lost before it.
  await Promise.all([work.reaches(1), runs.reaches(1)]);
  for (let n = 0; n < 100; n++) sender.notify('work');
  await work.reaches(2);
  sender.notify('runs');
  await runs.reaches(2);
  expect([work.count, runs.count]).toEqual([2, 2]);

  await first.stop();
  const attempts = vi.spyOn(Socket.prototype, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(attempts.mock.calls.length).toBeGreaterThan(0);
  // Two listeners' connection, and the sender's, a few times a second.
  expect(attempts.mock.calls.length).toBeLessThan(20);
  attempts.mockRestore();

  const second = await startEmbeddedPostgres({ dataDir, isDurable: false, port: first.port });
  await Promise.all([work.reaches(3), runs.reaches(3)]);
  await Promise.all([sender.close(), receiver.close()]);
  await second.stop();
  rmSync(dataDir, { recursive: true });
});

test('a listener that hears nothing any more, and is not told, is replaced', async () => {
  const server = await startTemporaryPostgres();
  const proxy = await startProxy(server.url);
  const sender = new Hints(server.url);
  const receiver = new Hints(proxy.url, { checkIntervalMs: 200 });
  const work = createCounter();
  receiver.listen('work', work.add);
  await work.reaches(1);
  proxy.goSilent();
  // Once for the new LISTEN: hints may have been lost before it.
  await work.reaches(2);
  sender.notify('work');
  await work.reaches(3);
  await Promise.all([sender.close(), receiver.close()]);
  await proxy.close();
  await server.stop();
});

test('a listener that hears itself stays', async () => {
  const server = await startTemporaryPostgres();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const hints = new Hints(server.url, { checkIntervalMs: 1000 });
  const work = createCounter();
  hints.listen('work', work.add);
  await work.reaches(1);
  hints.notify('work');
  await work.reaches(2);
  const opened = vi.spyOn(Socket.prototype, 'connect');
  for (const hint of [3, 4, 5]) {
    vi.advanceTimersByTime(1000);
    // Sent behind the echo on the same connection, and so heard behind it.
    hints.notify('work');
    await work.reaches(hint);
  }
  expect(opened).not.toHaveBeenCalled();
  opened.mockRestore();
  vi.useRealTimers();
  await hints.close();
  await server.stop();
});
