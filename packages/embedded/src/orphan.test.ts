import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPackage, cleanUp, end, hold, query, start, temporaryRoot } from '../test/harness.ts';
import { processIdentity } from './process-identity.ts';

beforeAll(buildPackage);

let root: string;

beforeEach(() => {
  root = temporaryRoot();
});

afterEach(cleanUp);

describe('a data dir whose owner was another process', () => {
  it('is taken over after SIGKILL: the orphan is stopped, the data intact, its socket dir removed', async () => {
    const dataDir = join(root, 'data');
    const { holder, held } = await hold(dataDir);
    await query(held.url, 'create table kept (n int); insert into kept values (7)');
    await end(holder, 'SIGKILL');
    expect(processIdentity(held.pid)).toBeDefined(); // or this test shows nothing
    const server = await start(dataDir);
    expect(processIdentity(held.pid)).toBeUndefined();
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }]);
    expect(existsSync(held.socketDir)).toBe(false);
  });

  it('is taken over when that server was killed too', async () => {
    const dataDir = join(root, 'data');
    const { holder, held } = await hold(dataDir);
    await query(held.url, 'create table kept (n int); insert into kept values (7)');
    await end(holder, 'SIGKILL');
    process.kill(held.pid, 'SIGKILL');
    const server = await start(dataDir);
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('is refused while that process lives, and given to exactly one process afterwards', async () => {
    const dataDir = join(root, 'data');
    const { holder } = await hold(dataDir);
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'data_dir_in_use',
      message: expect.stringContaining(String(holder.pid)),
    });
    await end(holder, 'SIGKILL');
    const held = (await Promise.all([hold(dataDir), hold(dataDir)])).map((other) => other.held);
    expect(held.filter(({ code }) => code === 'data_dir_in_use')).toHaveLength(1);
    expect(held.filter(({ url }) => url !== undefined)).toHaveLength(1);
  });

  it('is given over when only the pid of that process lives on in another one', async () => {
    const dataDir = join(root, 'data');
    mkdirSync(dataDir);
    const reused = { pid: process.pid, identity: 'another life of this pid' };
    writeFileSync(join(dataDir, 'owner.1'), JSON.stringify(reused));
    expect(await query((await start(dataDir)).url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('is free soon after that process exits by itself, which ends the server', async () => {
    const dataDir = join(root, 'data');
    const { holder, held } = await hold(dataDir);
    await end(holder, 'exit');
    await expect.poll(() => processIdentity(held.pid), { interval: 10 }).toBeUndefined();
    expect(existsSync(held.socketDir)).toBe(false);
    expect(await query((await start(dataDir)).url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });
});
