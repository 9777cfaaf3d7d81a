import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cert, key } from '../../egress/test/self-signed.ts';
import * as h from '../test/harness.ts';
import { startProxy } from '../test/proxy.ts';
import { openDatabase } from './database.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A server in front of the database; each connection is the callback's to deal with. */
async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push(() => new Promise((resolve) => server.close(resolve)));
  const url = new URL(database.url);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url.href;
}

function upstream() {
  const { hostname, port } = new URL(database.url);
  return connect(Number(port), hostname);
}

async function openPool(url: string, silenceMsMax?: number) {
  const sql = await openDatabase(url, { name: 'test', max: 1, ...(silenceMsMax ? { silenceMsMax } : {}) });
  open.push(() => sql.end({ timeout: 1 }));
  return sql;
}

async function backend(sql: h.Database): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}

test('a session ends a statement that takes too long, and one whose client is gone', async () => {
  const sql = await openPool(database.url);
  const names = ['statement_timeout', 'tcp_user_timeout', 'client_connection_check_interval'];
  const rows = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings where name in ${sql(names)} order by name`;
  expect(rows.map(({ name, setting }) => `${name} ${setting}`)).toEqual([
    ...['client_connection_check_interval 5000', 'statement_timeout 9000', 'tcp_user_timeout 10000'],
  ]);
});

test('a connection that falls silent is broken with what waits on it, and another takes its place', async () => {
  const proxy = await startProxy(database.url);
  open.push(() => proxy.close());
  const sql = await openPool(proxy.url, 2000);
  const before = await backend(sql);
  // Idle for longer than the silence that it may keep: nobody has asked it anything.
  expect(await backend(sql)).toBe(before);
  proxy.goSilent();
  const waiting = await Promise.allSettled([sql`select 1`, sql`select 2`]);
  expect(waiting.map((each) => each.status)).toContain('rejected');
  expect(await backend(sql)).not.toBe(before);
});

test('it takes others along that have said nothing since either, though they may wait longer', async () => {
  const proxy = await startProxy(database.url);
  open.push(() => proxy.close());
  const [first, second] = [await openPool(proxy.url, 2000), await openPool(proxy.url, 3_600_000)];
  const before = await backend(second);
  proxy.goSilent();
  await expect(Promise.resolve(first`select 1`)).rejects.toThrow('no answer from the database for 2000 ms');
  // What meets the end of the broken connection fails with it.
  const next = () => backend(second);
  expect(await next().catch(next)).not.toBe(before);
});

test('so is one under TLS', async () => {
  let isSilent = false;
  const server = createServer((client) => {
    client.once('data', () => {
      client.write('S');
      const secure = new TLSSocket(client, {
        isServer: true,
        secureContext: createSecureContext({ cert, key }),
      });
      const behind = upstream();
      let isDead = false;
      secure.on('data', (bytes) => {
        isDead ||= isSilent;
        if (!isDead) behind.write(bytes);
      });
      behind.on('data', (bytes) => secure.write(bytes));
      for (const socket of [secure, behind, client]) {
        socket.on('error', () => {});
        socket.on('close', () => {
          behind.destroy();
          client.destroy();
        });
      }
    });
  });
  const url = await listen(server);
  const sql = await openPool(`${url}?sslmode=require`, 2000);
  const before = await backend(sql);
  isSilent = true;
  await expect(sql`select 1`).rejects.toThrow('no answer from the database');
  isSilent = false;
  // The one that meets the end of the broken connection fails with it.
  const next = () => backend(sql);
  expect(await next().catch(next)).not.toBe(before);
});

test('a pooler that refuses settings of sessions is connected to without them', async () => {
  const seen: boolean[] = [];
  const server = createServer((client) => {
    client.once('data', (startup) => {
      const hasSettings = startup.includes('statement_timeout');
      seen.push(hasSettings);
      if (hasSettings) return void client.end(refusal('unsupported startup parameter: statement_timeout'));
      const behind = upstream();
      behind.write(startup);
      client.pipe(behind).pipe(client);
      behind.on('error', () => client.destroy());
      client.on('error', () => behind.destroy());
    });
  });
  const sql = await openPool(await listen(server));
  expect(await backend(sql)).toBeGreaterThan(0);
  expect(seen).toEqual([true, false]);
});

test('nobody there: it says so', async () => {
  const url = await listen(createServer());
  await open.pop()!();
  await expect(openDatabase(url, { name: 'test', max: 1 })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

/** An error of the protocol, as PgBouncer answers it. */
function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
