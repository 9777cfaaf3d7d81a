import type { RetryPolicy, StepDefinition, WorkflowDefinition } from '@waybill/engine';
import type { Random } from './random.ts';

/** What expressions of the workflows below read. */
export const context = '{"yes":true,"no":false,"items":[1,2,3],"none":[]}';

export const signalNames = ['go', 'stop'] as const;

/** How likely each feature is in a step, per workflow: some are plain, some have a bit of everything. */
interface Features {
  readonly plain: number;
  readonly saga: boolean;
  /** Much at once, which `maxConcurrency` holds back. */
  readonly isWide: boolean;
}

/** A DAG of up to eight steps, valid as the API would have it. */
export function drawWorkflow(random: Random, id: string, others: readonly string[]): WorkflowDefinition {
  const features: Features = {
    plain: random.pick([1, 0.8, 0.5]),
    saga: random.chance(0.5),
    isWide: random.chance(0.3),
  };
  const count = random.chance(0.15) ? 1 : random.int(2, 8);
  const steps: StepDefinition[] = [];
  for (let index = 0; index < count; index++) steps.push(drawStep(random, features, steps, others));
  return {
    id,
    // Definition order is not the topological one.
    steps: random.chance(0.3) ? random.shuffle(steps) : steps,
    timeout: random.pick([60, 120, 600, 600]),
    saga: features.saga,
    failurePolicy: random.pick(['fail', 'fail', 'continue', 'retry']),
    ...(random.chance(0.3) ? { retryRounds: random.int(1, 2) } : {}),
    ...(random.chance(features.isWide ? 0.8 : 0.2) ? { maxConcurrency: random.int(1, 3) } : {}),
    ...(random.chance(0.5) ? { onComplete: urlOf(random.pick(['hook', 'h0']), 'done') } : {}),
    ...(random.chance(0.7) ? { onError: urlOf(random.pick(['hook', 'h0']), 'error') } : {}),
  };
}

export function urlOf(host: string, path: string): string {
  return `https://${host}.test/${path}`;
}

function drawStep(
  random: Random,
  { plain, saga, isWide }: Features,
  earlier: readonly StepDefinition[],
  others: readonly string[],
): StepDefinition {
  const id = `s${earlier.length}`;
  const dependsOn = earlier
    .filter(() => random.chance(isWide ? 0.1 : 0.35))
    .map((step) => step.id)
    .slice(-3);
  const step: StepDefinition = {
    id,
    url: urlOf(`h${random.int(0, 2)}`, id),
    dependsOn,
    parallel: isWide || random.chance(0.6),
    retries: drawRetries(random),
    timeout: random.pick([5, 20, 30]),
    ...(saga && random.chance(0.7) ? { compensation: urlOf('undo', id) } : {}),
  };
  if (random.chance(plain)) return step;
  const condition = dependsOn.length > 0 && random.chance(0.4) ? drawCondition(random, dependsOn.length) : {};
  return { ...step, ...condition, ...drawKind(random, step, others), ...drawMore(random) };
}

function drawRetries(random: Random): RetryPolicy {
  return {
    maxAttempts: random.int(1, 4),
    backoff: random.pick(['exponential', 'linear', 'fixed']),
    initialDelay: random.pick([0, 0.1, 1, 3]),
    maxDelay: 10,
    factor: 2,
    jitter: random.chance(0.5),
    ...(random.chance(0.1) ? { giveUpAfter: 5 } : {}),
  };
}

function drawCondition(random: Random, dependencies: number): Partial<StepDefinition> {
  if (random.chance(0.3)) return { join: random.int(1, dependencies) };
  if (random.chance(0.2)) return { allowPartialDependencies: true };
  return {
    runCondition: random.pick([
      'always',
      'onFailure',
      'onCancelled',
      'onFailureOrCancelled',
      'onAnyCompleted',
      'inProgress',
    ]),
  };
}

/** A request, a fan-out, or something that sends nothing. */
function drawKind(random: Random, step: StepDefinition, others: readonly string[]): Partial<StepDefinition> {
  const unsent = { url: undefined, compensation: undefined };
  switch (random.int(0, 6)) {
    case 0:
      return { ...unsent, sleep: random.pick([0, 1, 15, 40]) };
    case 1: {
      const timeout = random.pick([5, 30, 50]);
      const standIn = random.chance(0.5) ? { default: 'default' } : {};
      return { ...unsent, waitFor: { signal: random.pick(signalNames), timeout, ...standIn } };
    }
    case 2:
      return others.length > 0 ? { ...unsent, workflow: random.pick(others) } : {};
    case 3:
    case 4: {
      const tolerated = random.chance(0.5) ? { toleratedFailures: random.int(0, 2) } : {};
      const forEach = random.pick(['context.items', 'context.items', 'context.none']);
      return { forEach, maxConcurrency: random.int(1, 3), ...tolerated };
    }
    case 5:
      return { delivery: 'at-most-once', retries: { ...step.retries, maxAttempts: 1 } };
    default:
      return {};
  }
}

function drawMore(random: Random): Partial<StepDefinition> {
  return {
    ...(random.chance(0.2) ? { when: random.pick(['context.yes', 'context.no', 'context.missing']) } : {}),
    ...(random.chance(0.2) ? { delay: random.pick([0, 0.5, 10]) } : {}),
    ...(random.chance(0.2) ? { failurePolicy: random.pick(['fail', 'continue', 'retry'] as const) } : {}),
  };
}

/** One or two steps below `parent`, the second below the first: the same draw gives the same steps. */
export function stepsBelow(random: Random, parent: string): StepDefinition[] {
  const kind = random.int(0, 4);
  const conditions = [
    {},
    { runCondition: 'onFailure' },
    { runCondition: 'always' },
    { runCondition: 'inProgress' },
  ];
  const first: StepDefinition = {
    id: `${parent}-${kind}`.slice(-100),
    url: urlOf('h0', 'added'),
    dependsOn: [parent],
    parallel: true,
    retries: { maxAttempts: 2, backoff: 'fixed', initialDelay: 1, maxDelay: 10, factor: 2, jitter: false },
    timeout: 20,
    ...((conditions[kind] ?? {}) as Partial<StepDefinition>),
  };
  return kind % 2 === 0
    ? [first]
    : [first, { ...first, id: `${first.id}-2`, dependsOn: [first.id], runCondition: undefined }];
}
