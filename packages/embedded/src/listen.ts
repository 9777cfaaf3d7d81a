import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const socketDirPrefix = 'waybill-s-';
/** sockaddr_un holds 107 bytes and a NUL (103 on macOS). */
const socketPathBytesMax = 103;

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A fresh folder with mode 700 and a path short enough for a unix socket; `undefined` on Windows. */
export function makeSocketDir(): string | undefined {
  if (process.platform === 'win32') return undefined;
  const longestPath = join(tmpdir(), `${socketDirPrefix}XXXXXX`, '.s.PGSQL.65535');
  const parent = Buffer.byteLength(longestPath) > socketPathBytesMax ? '/tmp' : tmpdir();
  return mkdtempSync(join(parent, socketDirPrefix));
}

export function removeSocketDir(socketDir: string | undefined): void {
  // The path may come from a file, so look twice before removing a folder.
  if (socketDir === undefined || !basename(socketDir).startsWith(socketDirPrefix)) return;
  rmSync(socketDir, { recursive: true, force: true });
}
