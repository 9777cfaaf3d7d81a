import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanUp, query, start, temporaryRoot } from '../test/harness.ts';

let root: string;

beforeEach(() => {
  root = temporaryRoot();
});

afterEach(cleanUp);

const isLinuxRoot = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(isLinuxRoot)('as root', () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });

  function effectiveUid(pid: number): number {
    return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  }

  /** A machine where user namespaces are not permitted: `unshare` fails before it runs anything. */
  function forbidNamespaces(): void {
    writeFileSync(join(root, 'unshare'), '#!/bin/sh\necho not permitted >&2\nexit 1\n');
    chmodSync(join(root, 'unshare'), 0o755);
    process.env.PATH = `${root}:${path}`;
  }

  it('runs in a user namespace, with files that stay root’s, below a folder closed to others', async () => {
    expect(statSync(root).mode & 0o777).toBe(0o700);
    const server = await start(join(root, 'data'));
    expect(readFileSync(`/proc/${server.pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual([
      '65534',
      '0',
      '1',
    ]);
    expect(statSync(join(root, 'data', 'cluster')).uid).toBe(0);
  });

  it('runs as nobody where namespaces are not permitted, below a folder closed to others', async () => {
    forbidNamespaces();
    const server = await start(join(root, 'data'));
    expect(effectiveUid(server.pid)).toBe(65534);
    expect(statSync(join(root, 'data', 'cluster')).uid).toBe(65534);
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('hands an existing cluster over when namespaces cease to be permitted', async () => {
    const first = await start(join(root, 'data'));
    await query(first.url, 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    forbidNamespaces();
    const second = await start(join(root, 'data'));
    expect(effectiveUid(second.pid)).toBe(65534);
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it.each([
    ['its owner, when that is another user', 1, 1],
    ['nobody, when its owner has no name', 4242, 65534],
  ])('runs a data dir as %s', async (_, ownerUid, serverUid) => {
    mkdirSync(join(root, 'data'), { mode: 0o700 });
    chownSync(join(root, 'data'), ownerUid, ownerUid);
    const server = await start(join(root, 'data'));
    expect(effectiveUid(server.pid)).toBe(serverUid);
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('refuses when nothing lowers the privileges, and leaves the data dir free', async () => {
    forbidNamespaces();
    writeFileSync(join(root, 'setpriv'), '#!/bin/sh\necho not permitted >&2\nexit 1\n');
    chmodSync(join(root, 'setpriv'), 0o755);
    await expect(start(join(root, 'data'))).rejects.toMatchObject({ code: 'root_refused' });
    process.env.PATH = path;
    expect(await query((await start(join(root, 'data'))).url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });
});
