import { describe, expect, it } from 'vitest';
import { checkHeader } from './headers.ts';

describe('checkHeader', () => {
  it.each([
    ['authorization', 'Bearer abc'],
    ['X-Tenant', 'ä'],
    ['x-empty', ''],
    ['x-tab', 'a\tb'],
  ])('passes %s', (name, value) => {
    expect(checkHeader(name, value)).toBeUndefined();
  });

  it.each([
    ['Host', 'internal'],
    ['content-length', '0'],
    ['Transfer-Encoding', 'chunked'],
    ['connection', 'close'],
    ['accept-encoding', 'gzip'],
    ['upgrade', 'websocket'],
    ['WEBHOOK-signature', 'v1,x'],
    ['waybill-run', 'run_1'],
    ['x-split', 'a\r\nb: c'],
    ['x-lf', 'a\nb'],
    ['x-nul', 'a\0b'],
    ['x-del', 'a\x7f'],
    ['x-wide', '€'],
    ['x-long', 'a'.repeat(8193)],
    ['x\r\ny', 'a'],
    ['x y', 'a'],
    ['x:', 'a'],
    ['', 'a'],
  ])('refuses %j: %j', (name, value) => {
    expect(checkHeader(name, value)).toMatch(/header/);
  });

  it('does not repeat the value, which may be secret', () => {
    expect(checkHeader('authorization', 'secret\n')).not.toContain('secret');
  });
});
