import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer } from 'node:net';
import { startTemporaryPostgres } from '@waybill/embedded';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from './connect.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';

let server: Awaited<ReturnType<typeof startTemporaryPostgres>>;
beforeAll(async () => {
  server = await startTemporaryPostgres();
  await migrate({ databaseUrl: server.url });
});
afterAll(() => server.stop());

/** In front of the server; each connection breaks once the server has said so many bytes. */
async function cutAfter(bytesMax: () => number) {
  const target = new URL(server.url);
  const proxy = createServer((client) => {
    const upstream = connectSocket(Number(target.port), target.hostname);
    let left = bytesMax();
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', () => {}).on('close', end);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) end();
    });
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(server.url);
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { url: url.href, close: () => new Promise((resolve) => proxy.close(resolve)) };
}

test('a connection that breaks while it is opened fails who asked for it, and nothing else', async () => {
  const unheld: unknown[] = [];
  const note = (reason: unknown) => void unheld.push(reason);
  process.on('unhandledRejection', note);
  let bytes = 0;
  const proxy = await cutAfter(() => bytes);
  const open = () => openDatabase(proxy.url, { name: 'test', max: 1 }).catch(() => null);
  let opened: Awaited<ReturnType<typeof open>> = null;
  for (; opened === null; bytes += 23) opened = await open();
  // Its password, its settings, and what was asked.
  expect(bytes).toBeGreaterThan(500);
  await opened.end({ timeout: 0 });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unheld).toEqual([]);
  await proxy.close();
});

test('arrays come back as they went', async () => {
  const sql = connect(server.url, { name: 'test', max: 1 });
  const back = async (texts: string[], numbers: number[]) => {
    const [row] = await sql<{ texts: string[]; numbers: number[] }[]>`
      select ${texts}::text[] as texts, ${numbers}::int[] as numbers`;
    return [row!.texts, row!.numbers];
  };
  const text = fc.string().filter((text) => !text.includes('\0'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(text),
      fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      async (a, b) => {
        expect(await back(a, b)).toEqual([a, b]);
      },
    ),
    { numRuns: 200 },
  );
  const ids = ['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002'];
  const [row] = await sql<{ ids: string[] }[]>`select ${ids}::uuid[] as ids`;
  expect(row!.ids).toEqual(ids);
  await sql.end();
});
