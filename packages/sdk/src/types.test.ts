/** What the compiler must accept and refuse. The last test has it judge this file: vitest itself erases types. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, expectTypeOf, test } from 'vitest';
import {
  type AddedStep,
  defineWorkflow,
  type JobCallback,
  type JobInput,
  type PreviousStep,
  type RunStatus,
  Waybill,
  type WorkflowDefinition,
} from './index.ts';

const order = defineWorkflow({
  id: 'order',
  steps: [
    { id: 'reserve', url: '/reserve', timeout: '30s' },
    { id: 'charge', url: '/charge', dependsOn: 'reserve', retries: { initialDelay: '250ms', maxDelay: 60 } },
    { id: 'ship', url: '/ship', dependsOn: ['charge', 'reserve'] },
  ],
  context: { orderId: 'order_123', total: 12 },
});

const { workflows, jobs } = new Waybill({ apiKey: 'wb_test', fetch: async () => Response.json({}) });

test('previousSteps has the step ids as its keys', () => {
  type Previous = JobInput<typeof order>['previousSteps'];
  expectTypeOf<keyof Previous>().toEqualTypeOf<'reserve' | 'charge' | 'ship'>();
  expectTypeOf<Previous['charge']>().toEqualTypeOf<PreviousStep<unknown> | undefined>();

  jobs.handler<typeof order, { charge: { chargeId: string } }>(({ context, previousSteps }) => {
    expectTypeOf(context.orderId).toEqualTypeOf<string>();
    expectTypeOf(context.total).toEqualTypeOf<number>();
    expectTypeOf(previousSteps.charge?.result.chargeId).toEqualTypeOf<string | undefined>();
    expectTypeOf(previousSteps.reserve?.result).toEqualTypeOf<unknown>();
    // @ts-expect-error: no such step
    previousSteps.refund;
  });
});

test('a step may have a callback, and a reason may be one that this version does not know', () => {
  expectTypeOf<JobInput['callback']>().toEqualTypeOf<JobCallback | undefined>();
  expectTypeOf<'run_failed' | 'of a newer server'>().toExtend<RunStatus['steps'][number]['reason']>();
});

test('without a workflow type any step id may be asked for', () => {
  jobs.handler(({ context, previousSteps }) => {
    expectTypeOf(context.orderId).toEqualTypeOf<unknown>();
    expectTypeOf(Object.values(previousSteps)[0]?.success).toEqualTypeOf<boolean | undefined>();
  });
});

test('a definition fits where definitions are taken, and faults do not compile', () => {
  expectTypeOf(order).toExtend<WorkflowDefinition>();
  expectTypeOf(workflows.create).toBeCallableWith(order);
  expectTypeOf(workflows.create(order)).resolves.toEqualTypeOf<RunStatus>();

  // @ts-expect-error: dependsOn names no step
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', dependsOn: ['b'] }] });
  // @ts-expect-error: not a duration
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', timeout: '5 minutes' }] });
  expectTypeOf(defineWorkflow).toBeCallableWith({
    id: 'x',
    failurePolicy: 'retry',
    retryRounds: 2,
    steps: [
      { id: 'a', url: '/a', runAt: new Date(), continueOnFailure: true },
      { id: 'b', url: '/b', dependsOn: 'a', runCondition: 'onFailure', delay: '5m' },
      { id: 'c', url: '/c', dependsOn: ['a', 'b'], join: { atLeast: 1 } },
    ],
  });
  expectTypeOf(defineWorkflow).toBeCallableWith({
    id: 'x',
    maxConcurrency: 100,
    steps: [
      { id: 'a', url: '/a', delivery: 'at-most-once', input: 'none', slowAfter: '10s' },
      { id: 'b', sleep: '1h', dependsOn: 'a', when: 'context.isSlow' },
      { id: 'c', waitFor: 'approval', timeout: '7d', dependsOn: 'b' },
      { id: 'd', waitFor: { signal: 'approval', timeout: 60, default: { approved: false } } },
      { id: 'e', workflow: 'child', payload: { n: 1 }, dependsOn: ['c', 'd'] },
      {
        id: 'f',
        url: '/f',
        forEach: 'steps.e.result',
        maxConcurrency: 5,
        toleratedFailures: '10%',
        input: ['e'],
      },
    ],
  });
  // @ts-expect-error: none of url, sleep, waitFor and workflow
  defineWorkflow({ id: 'x', steps: [{ id: 'a' }] });
  // @ts-expect-error: two of them
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', sleep: 1 }] });
  // @ts-expect-error: input names no step
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', input: ['b'] }] });
  // @ts-expect-error: not a share
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', forEach: '[]', toleratedFailures: 'half' }] });
  // @ts-expect-error: not a condition
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', runCondition: 'onError' }] });
  // @ts-expect-error: not a field
  defineWorkflow({ id: 'x', steps: [{ id: 'a', url: '/a', dependOn: [] }] });
});

test('steps to add have a parent, and are steps otherwise', () => {
  expectTypeOf<{ id: 'x'; url: '/x'; parent: 'a' }>().toExtend<AddedStep>();
  expectTypeOf<{ id: 'x'; sleep: 1; dependsOn: ['a'] }>().toExtend<AddedStep>();
  expectTypeOf<{ id: 'x'; parent: 'a' }>().not.toExtend<AddedStep>();
});

test('the compiler agrees with this file, the other tests and the README', { timeout: 60_000 }, async () => {
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const project = fileURLToPath(new URL('../tsconfig.test.json', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', project]).catch(
    (error) => error,
  );
  expect(stdout).toBe('');
});

test('nothing reachable from the main entry imports a node: module', () => {
  const seen = new Set<string>();
  const walk = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const source = readFileSync(new URL(file, import.meta.url), 'utf8');
    for (const [, specifier = ''] of source.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)) {
      // Signing holds its own verify entry to the same rule.
      if (specifier === '@waybill/signing/verify') continue;
      // Without imports of its own, and Web standards only.
      if (specifier === 'eventsource-parser') continue;
      expect(specifier, `import in ${file}`).toMatch(/^\.\//);
      walk(specifier);
    }
  };
  walk('./index.ts');
  expect(seen).toContain('./handler.ts');
  expect(seen).not.toContain('./node.ts');
});
