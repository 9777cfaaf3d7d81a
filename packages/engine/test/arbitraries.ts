import fc from 'fast-check';
import type { FailurePolicy, RetryPolicy, StepDefinition, WorkflowDefinition } from '../src/index.ts';
import { step, workflow } from './definitions.ts';

/** What the driver does next. `pick` chooses among the deliveries that the action may concern. */
export interface Action {
  readonly kind:
    | 'send'
    | 'succeed'
    | 'fail'
    | 'reject'
    | 'lose'
    | 'takeOver'
    | 'writeStarts'
    | 'succeedAdding'
    | 'failAdding'
    | 'add'
    | 'signal'
    | 'wake'
    | 'wait'
    | 'skip'
    | 'complete'
    | 'retry'
    | 'timeOut'
    | 'cancel'
    | 'quarantine';
  readonly pick: number;
}

const weights: [Action['kind'], number][] = [
  ['send', 80],
  ['succeed', 60],
  ['fail', 20],
  ['reject', 1],
  ['lose', 4],
  ['takeOver', 4],
  ['writeStarts', 4],
  ['succeedAdding', 4],
  ['failAdding', 2],
  ['add', 4],
  ['signal', 8],
  ['wake', 8],
  ['wait', 4],
  ['timeOut', 1],
  ['cancel', 1],
  ['quarantine', 1],
];

const kindsOf = (chosen: typeof weights) =>
  fc.oneof(...chosen.map(([kind, weight]) => ({ arbitrary: fc.constant(kind), weight })));

/** Short lists end in success; the driver carries on with sends and successes when they are used up. */
export const actions = listsOf(weights);

/** With ends by hand, and retries of runs that failed. */
export const actionsByHand = listsOf([...weights, ['skip', 3], ['complete', 3], ['retry', 20]]);

function listsOf(chosen: typeof weights): fc.Arbitrary<Action[]> {
  const action = fc.record({ kind: kindsOf(chosen), pick: fc.nat(99) }, { noNullPrototype: true });
  return fc.array(action, { maxLength: 300, size: 'max' });
}

const retries: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  backoff: fc.constantFrom('exponential', 'linear', 'fixed'),
  initialDelay: fc.constantFrom(0, 0.5, 1),
  maxDelay: fc.constant(10),
  factor: fc.constant(2),
  jitter: fc.boolean(),
  giveUpAfter: fc.constantFrom(undefined, undefined, 1),
});

type Condition = Pick<StepDefinition, 'runCondition' | 'allowPartialDependencies' | 'join'>;

interface Shape {
  readonly dependencies: readonly number[];
  readonly fields: Pick<StepDefinition, 'parallel' | 'retries' | 'compensation' | 'failurePolicy'>;
  readonly condition: Condition;
  readonly more: Pick<StepDefinition, 'when' | 'delay' | 'delivery'>;
  readonly kind: Pick<StepDefinition, 'sleep' | 'waitFor'>;
}

/** `join` is taken modulo the number of dependencies. */
const conditions: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 7,
    arbitrary: fc.record({
      runCondition: fc.constantFrom(
        'onSuccess',
        'always',
        'onFailure',
        'onCancelled',
        'onFailureOrCancelled',
        'onAnyCompleted',
        'inProgress',
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ allowPartialDependencies: true }) },
  { weight: 3, arbitrary: fc.record({ join: fc.nat(3) }) },
);

const policies = fc.constantFrom('fail', 'continue', 'retry');

const rarely = <T>(weight: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant({}) }, { weight: 1, arbitrary });

const more = rarely(
  5,
  fc.oneof(
    fc.record({ when: fc.constantFrom('context.yes', 'context.no', 'context.missing') }),
    fc.record({ delay: fc.constantFrom(0, 0.5, 60) }),
    fc.constant({ delivery: 'at-most-once' } as const),
  ),
);

/** Steps that send nothing. */
const unsentKinds = rarely(
  7,
  fc.oneof(
    fc.record({ sleep: fc.constantFrom(0, 5) }),
    fc.record({
      waitFor: fc.record({
        signal: fc.constantFrom('go', 'stop'),
        timeout: fc.constantFrom(undefined, 30),
        default: fc.constantFrom(undefined, 'default'),
      }),
    }),
  ),
);

const shapes: fc.Arbitrary<Shape> = fc.record({
  more,
  kind: unsentKinds,
  dependencies: fc.array(fc.nat(), { maxLength: 4 }),
  condition: conditions,
  fields: fc.record({
    parallel: fc.boolean(),
    retries,
    compensation: fc.constantFrom(undefined, 'https://handlers.test/undo'),
    failurePolicy: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: policies },
    ),
  }),
});

/** A step without dependencies starts at once and may have no condition but onSuccess. */
function conditionFor({ join, ...condition }: Condition, dependencies: number): Condition {
  if (dependencies === 0) return {};
  return join === undefined ? condition : { join: 1 + (join % dependencies) };
}

function ofKind(fields: Partial<StepDefinition>, kind: Shape['kind']): Partial<StepDefinition> {
  if (Object.keys(kind).length > 0) {
    return { ...fields, url: undefined, compensation: undefined, delivery: undefined, ...kind };
  }
  const { delivery, retries } = fields;
  return delivery && retries ? { ...fields, retries: { ...retries, maxAttempts: 1 } } : fields;
}

/** A DAG of up to 50 steps whose definition order is not its topological order. */
export const workflows: fc.Arbitrary<WorkflowDefinition> = fc
  .record({
    shapes: fc.array(shapes, { minLength: 1, maxLength: 50, size: 'max' }),
    order: fc.infiniteStream(fc.nat()),
    saga: fc.boolean(),
    failurePolicy: policies,
    retryRounds: fc.constantFrom(undefined, 1, 2),
    hooks: fc.constantFrom(
      {},
      { onComplete: 'https://handlers.test/done', onError: 'https://handlers.test/error' },
    ),
  })
  .map(({ shapes, order, hooks, ...fields }) => {
    const steps = shapes.map(({ dependencies, fields, condition, more, kind }, index) => {
      const earlier = index === 0 ? [] : [...new Set(dependencies.map((pick) => pick % index))];
      const dependsOn = earlier.map((at) => `s${at}`);
      const own = { ...fields, ...conditionFor(condition, dependsOn.length), ...more, dependsOn };
      return step(`s${index}`, ofKind(own, kind));
    });
    return workflow(shuffle(steps, order), { ...fields, ...hooks });
  });

/** Of these the final status depends on the answers alone, unless a step of policy `retry` fails for good. */
export const orderlessWorkflows: fc.Arbitrary<WorkflowDefinition> = workflows.map((definition) => {
  const steps = definition.steps.map(({ join: _, retries, failurePolicy, ...step }) => ({
    ...step,
    // It looks at the clock, which is another one in another order.
    retries: { ...retries, giveUpAfter: undefined },
    failurePolicy: failurePolicy && withoutFail(failurePolicy),
  }));
  return { ...definition, steps, failurePolicy: withoutFail(definition.failurePolicy) };
});

const withoutFail = (policy: FailurePolicy) => (policy === 'fail' ? 'continue' : policy);

function shuffle<T>(items: readonly T[], random: Iterator<number>): T[] {
  const keyed = items.map((item) => ({ item, key: random.next().value as number }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** Some of its requests become fan-outs over the lists of the tests' context. */
export const fanOutWorkflows: fc.Arbitrary<WorkflowDefinition> = fc
  .record({
    definition: workflows,
    lists: fc.infiniteStream(fc.constantFrom(undefined, 'context.items', 'context.items', 'context.none')),
    limits: fc.infiniteStream(fc.record({ maxConcurrency: fc.nat(2), toleratedFailures: fc.nat(2) })),
  })
  .map(({ definition, lists, limits }) => ({
    ...definition,
    steps: definition.steps.map((step) => {
      const forEach = lists.next().value as string | undefined;
      const { maxConcurrency, toleratedFailures } = limits.next().value as Record<string, number>;
      if (step.url === undefined || forEach === undefined) return step;
      return { ...step, forEach, maxConcurrency: maxConcurrency! + 1, toleratedFailures: toleratedFailures! };
    }),
  }));
