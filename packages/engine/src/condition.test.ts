import { describe, expect, test } from 'vitest';
import { step } from '../test/definitions.ts';
import { conditionOf, createTally, type Ending, judge, type Tally } from './condition.ts';
import type { StepDefinition } from './definition.ts';

/** Succeeded, Failed, `f` failed under policy `continue`, Cancelled (`c` never sent), sKipped, Blocked. */
const endings: Record<string, Ending> = {
  S: 'succeeded',
  F: 'failed',
  f: 'forgiven',
  C: 'cancelled',
  c: 'cancelled',
  K: 'skipped',
  B: 'blocked',
};

/** One letter a dependency; `.` has not started, `>` has started and not ended. */
function tallyOf(dependencies: string): Tally {
  const tally = createTally(dependencies.length);
  for (const letter of dependencies) {
    if ('SFfC>'.includes(letter)) tally.started++;
    const ending = endings[letter];
    if (!ending) continue;
    tally.open--;
    tally.ended[ending]++;
  }
  return tally;
}

const columns: Partial<StepDefinition>[] = [
  { runCondition: 'onSuccess' },
  { runCondition: 'always' },
  { allowPartialDependencies: true },
  { runCondition: 'onFailure' },
  { runCondition: 'onCancelled' },
  { runCondition: 'onFailureOrCancelled' },
  { runCondition: 'onAnyCompleted' },
  { runCondition: 'inProgress' },
  { join: 1 },
  { join: 2 },
];

/**
 * "When a step may start" of semantics.md, written out: r run, w wait, s skip, b block. The columns are onSuccess,
 * always, partial, onFailure, onCancelled, onFailureOrCancelled, onAnyCompleted, inProgress, join of 1, join of 2.
 */
const table = `
  S    r r r s s s r r r b
  F    b r s r s r r r b b
  f    r r s r s r r r b b
  C    b r s s r r r r b b
  c    b r s s r r r s b b
  K    s r s s s s s s b b
  B    b r s s s s s s b b

  SS   r r r s s s r r r r
  SF   b r r r s r r r r b
  Sf   r r r r s r r r r b
  SC   b r r s r r r r r b
  SK   r r r s s s s r r b
  SB   b r r s s s s r r b
  FF   b r s r s r r r b b
  Ff   b r s r s r r r b b
  ff   r r s r s r r r b b
  FC   b r s r r r r r b b
  Fc   b r s r r r r r b b
  FK   b r s r s r s r b b
  FB   b r s r s r s r b b
  fK   r r s r s r s r b b
  fB   b r s r s r s r b b
  cc   b r s s r r r s b b
  cK   b r s s r r s s b b
  CB   b r s s r r s r b b
  KK   s r s s s s s s b b
  KB   b r s s s s s s b b
  BB   b r s s s s s s b b

  .    w w w w w w w w w b
  >    w w w w w w w r w b
  S.   w w w w w w w r r w
  S>   w w w w w w w r r w
  F.   w w w w w w w r w b
  F>   w w w w w w w r w b
  f.   w w w w w w w r w b
  c.   w w w w w w w w w b
  c>   w w w w w w w r w b
  K.   w w w w w w w w w b
  K>   w w w w w w w r w b
  B.   w w w w w w w w w b

  SS.  w w w w w w w r r r
  SF.  w w w w w w w r r w
  SK>  w w w w w w w r r w
  SFK  b r r r s r s r r b
  SSF  b r r r s r r r r r
  FK.  w w w w w w w r w b
  FF.  w w w w w w w r w b
  FFF. w w w w w w w r w b
  FFS. w w w w w w w r r w
  KKKS r r r s s s s r r b
  SSSf r r r r s r r r r r
  KKcK b r s s r r s s b b
`;

const verdicts = { r: 'run', w: 'wait', s: 'skip', b: 'block' } as const;
const rows = table
  .split('\n')
  .map((line) => line.trim().split(/\s+/))
  .filter(([dependencies]) => dependencies !== '');

describe('judge follows the table', () => {
  test.each(rows)('%s: %s %s %s %s %s %s %s %s %s %s', (dependencies, ...expected) => {
    const judged = columns.map((fields) => {
      const condition = conditionOf(step('x', fields));
      return `${condition.mode} ${condition.atLeast}: ${judge(condition, tallyOf(dependencies!))}`;
    });
    const written = columns.map((fields, column) => {
      const { mode, atLeast } = conditionOf(step('x', fields));
      return `${mode} ${atLeast}: ${verdicts[expected[column] as keyof typeof verdicts]}`;
    });
    expect(judged).toEqual(written);
  });

  test('every row names every column', () => {
    expect(rows.length).toBeGreaterThan(40);
    for (const row of rows) expect(row).toHaveLength(1 + columns.length);
  });

  test('a join of all of three', () => {
    const condition = conditionOf(step('x', { join: 3 }));
    const of = (dependencies: string) => judge(condition, tallyOf(dependencies));
    expect(['SS.', 'SSS', 'SSF', 'SSK', '..F'].map(of)).toEqual(['wait', 'run', 'block', 'block', 'block']);
  });

  test.each<[Partial<StepDefinition>, string]>([
    [{}, 'onSuccess'],
    [{ runCondition: 'always' }, 'always'],
    [{ runCondition: 'inProgress' }, 'inProgress'],
    [{ allowPartialDependencies: true }, 'partial'],
    [{ allowPartialDependencies: false, runCondition: 'onFailure' }, 'onFailure'],
    [{ join: 2 }, 'join'],
  ])('%j is of mode %s', (fields, mode) => {
    expect(conditionOf(step('x', fields)).mode).toBe(mode);
  });
});
