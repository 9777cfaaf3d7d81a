import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkLibraries } from './binaries.ts';

let packageDir: string;

beforeEach(() => {
  packageDir = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  mkdirSync(join(packageDir, 'native/lib'), { recursive: true });
  writeFileSync(join(packageDir, 'native/lib/libx.so.1.2'), 'library');
});

afterEach(() => rmSync(packageDir, { recursive: true, force: true }));

function list(symlinks: object[]): void {
  writeFileSync(join(packageDir, 'native/pg-symlinks.json'), JSON.stringify(symlinks));
}

describe('linkLibraries', () => {
  it('makes the links that an install without scripts lacks, relative, and repeats without harm', () => {
    list([{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]);
    linkLibraries(packageDir);
    linkLibraries(packageDir);
    expect(readlinkSync(join(packageDir, 'native/lib/libx.so.1'))).toBe('libx.so.1.2');
    expect(readFileSync(join(packageDir, 'native/lib/libx.so.1'), 'utf8')).toBe('library');
  });

  it('needs no list', () => {
    expect(() => linkLibraries(packageDir)).not.toThrow();
  });

  it('says what to do when a link cannot be made', () => {
    list([{ source: 'native/lib/libx.so.1.2', target: 'native/missing/libx.so.1' }]);
    expect(() => linkLibraries(packageDir)).toThrowError(
      expect.objectContaining({ code: 'binaries_unusable' }),
    );
  });
});
