import { expect, test } from 'vitest';
import { createId, idOfUuid, uuidOfId, webhookId } from './ids.ts';

test('ids go to UUIDv7 and back, and sort by time', () => {
  const ids = Array.from({ length: 100 }, () => createId('run'));
  for (const id of ids) {
    const uuid = uuidOfId('run', id)!;
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(idOfUuid('run', uuid)).toBe(id);
  }
  expect(new Set(ids).size).toBe(100);
});

test('the example of the specification', () => {
  expect(uuidOfId('run', 'run_01h455vb4pex5vsknk084sn02q')).toBe('01890a5d-ac96-774b-bcce-b302099a8057');
});

const suffix = '01h455vb4pex5vsknk084sn02q';
test.each([
  '',
  'run_',
  'run',
  suffix,
  `proj_${suffix}`,
  `run__${suffix}`,
  `Run_${suffix}`,
  `run_${suffix.toUpperCase()}`,
  `run_${suffix.slice(1)}`,
  `run_${suffix}0`,
  `run_8${suffix.slice(1)}`,
  `run_${suffix.replace('h', 'u')}`,
  `run_${suffix.slice(1)}\u0000`,
  `run_${suffix} `,
  '01890a5d-ac96-774b-bcce-b302099a8057',
])('%j is no run id', (id) => {
  expect(uuidOfId('run', id)).toBeNull();
});

test('every delivery of a run has its own webhook id', () => {
  const id = `run_${suffix}`;
  const ids = [
    webhookId(id, 'step', 0),
    webhookId(id, 'step', 1),
    webhookId(id, 'compensation', 1),
    webhookId(id, 'hook', -1),
  ];
  expect(ids).toEqual([`msg_${suffix}_s0`, `msg_${suffix}_s1`, `msg_${suffix}_c1`, `msg_${suffix}_h`]);
});
