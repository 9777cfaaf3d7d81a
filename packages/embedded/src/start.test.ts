import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanUp, query, start, temporaryRoot } from '../test/harness.ts';
import { processIdentity } from './process-identity.ts';
import { startEmbeddedPostgres } from './start.ts';

let root: string;

beforeEach(() => {
  root = temporaryRoot();
});

afterEach(cleanUp);

describe('an embedded PostgreSQL', () => {
  it('keeps its data and password over a stop and a start, also after an immediate stop', async () => {
    const dataDir = join(root, 'data');
    const first = await start(dataDir);
    await query(first.url, 'create table kept (n int); insert into kept values (1)');
    await first.stop('immediate');
    const second = await start(dataDir);
    await query(second.url, 'insert into kept values (2)');
    await second.stop();
    const third = await start(dataDir);
    expect(await query(third.url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(new URL(third.url).password).toBe(new URL(first.url).password);
  });

  it('is durable, UTF-8 and asks for the password', async () => {
    const server = await start(join(root, 'data'), { settings: { work_mem: '7MB' } });
    const names = [
      'fsync',
      'synchronous_commit',
      'full_page_writes',
      'server_encoding',
      'work_mem',
      'data_checksums',
    ];
    const rows = await query<{ name: string; setting: string }>(
      server.url,
      `select name, current_setting(name) setting from pg_settings where name in ('${names.join("','")}')`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      server_encoding: 'UTF8',
      work_mem: '7MB',
      data_checksums: 'on',
    });
    const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(root, 'data', 'password')).mode & 0o777).toBe(0o600);
  });

  it('works in a data dir with a path longer than any socket path, and listens on a socket elsewhere', async () => {
    const dataDir = join(root, ...Array.from({ length: 5 }, (_, i) => `${i}`.repeat(40)), 'data');
    expect(dataDir.length).toBeGreaterThan(150);
    const server = await start(dataDir);
    const rows = await query(server.url, 'select inet_server_addr() is null as "isLocal"', server.socketDir);
    expect(rows).toEqual([{ isLocal: true }]);
    expect(statSync(server.socketDir!).mode & 0o777).toBe(0o700);
    await server.stop();
    expect(existsSync(server.socketDir!)).toBe(false);
  });

  it('refuses a data dir that this process already uses, naming the pid, and leaves the server alone', async () => {
    const server = await start(join(root, 'data'));
    const second = startEmbeddedPostgres({ dataDir: join(root, 'data') });
    await expect(second).rejects.toMatchObject({
      code: 'data_dir_in_use',
      message: expect.stringContaining(String(process.pid)),
    });
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('lets exactly one of several simultaneous starts have the data dir', async () => {
    const starts = await Promise.allSettled([1, 2, 3].map(() => start(join(root, 'data'))));
    expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it.each([
    ['a dead process', () => 2 ** 22 - 1],
    ['another program that was given the pid', () => process.pid],
  ])('starts in spite of a postmaster.pid that names %s', async (_, pid) => {
    const dataDir = join(root, 'data');
    const first = await start(dataDir);
    await query(first.url, 'create table kept (n int)');
    const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    await first.stop('immediate');
    writeFileSync(pidFile, [pid(), ...lines.slice(1)].join('\n'));
    const second = await start(dataDir);
    expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });

  it('tells when the server ends by itself, and frees the data dir', async () => {
    const dataDir = join(root, 'data');
    const first = await start(dataDir);
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(existsSync(first.socketDir!)).toBe(false);
    const second = await start(dataDir);
    expect(await query(second.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await first.stop(); // of a server that is gone: nothing to do
    expect(processIdentity(second.pid)).toBeDefined();
  });

  it('gives the same url again on a fixed port, and says so when the port is taken', async () => {
    const blocker = await listenSomewhere();
    const dataDir = join(root, 'data');
    const { port } = blocker.address() as { port: number };
    await expect(start(dataDir, { port })).rejects.toMatchObject({ code: 'start_failed' });
    await new Promise((resolve) => blocker.close(resolve));
    const first = await start(dataDir, { port });
    await first.stop('immediate');
    expect((await start(dataDir, { port })).url).toBe(first.url);
  });

  it('repairs an initialisation that was cut short', async () => {
    const dataDir = join(root, 'data');
    mkdirSync(join(dataDir, 'cluster.draft', 'base'), { recursive: true });
    writeFileSync(join(dataDir, 'password'), '');
    expect(await query((await start(dataDir)).url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('reports a refused setting with the words of the server', async () => {
    const failed = start(join(root, 'data'), { settings: { work_mem: 'plenty' } });
    await expect(failed).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining('work_mem'),
    });
  });
});

function listenSomewhere(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
