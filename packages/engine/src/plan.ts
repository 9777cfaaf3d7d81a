import { type Condition, conditionOf, isFailureMode } from './condition.ts';
import type { FailurePolicy, RetryPolicy, StepDefinition, WorkflowDefinition } from './definition.ts';

/** A definition compiled once and shared by every run of that version. Never mutated. */
export interface Plan {
  readonly definition: WorkflowDefinition;
  readonly steps: readonly PlanStep[];
  readonly indexById: ReadonlyMap<string, number>;
  /** Steps without dependencies, in definition order. */
  readonly roots: readonly number[];
  readonly timeoutMs: number;
}

export interface PlanStep {
  readonly index: number;
  readonly id: string;
  readonly definition: StepDefinition;
  readonly dependencies: readonly number[];
  /** In definition order. */
  readonly dependents: readonly number[];
  readonly timeoutMs: number;
  readonly retries: RetryPolicy;
  readonly condition: Condition;
  /** ms after the run's start, or a fixed engine time; null: nothing but the condition. */
  readonly gate: { readonly afterMs: number } | { readonly at: number } | null;
  readonly failurePolicy: FailurePolicy;
  /** Is not cut off when the run fails: of a failure mode, or depends on such steps alone. */
  readonly isFailurePath: boolean;
}

/** Compiles a definition whose graph has no faults (see findGraphFaults). */
export function compilePlan(definition: WorkflowDefinition): Plan {
  const indexById = new Map(definition.steps.map((step, index) => [step.id, index]));
  const dependents: number[][] = definition.steps.map(() => []);
  const failurePath = findFailurePath(definition.steps, indexById);
  const steps = definition.steps.map((step, index): PlanStep => {
    const dependencies = step.dependsOn.map((id) => indexById.get(id)!);
    for (const dependency of dependencies) dependents[dependency]!.push(index);
    return {
      index,
      id: step.id,
      definition: step,
      dependencies,
      dependents: dependents[index]!,
      timeoutMs: step.timeout * 1000,
      retries: step.retries,
      condition: conditionOf(step),
      gate: gateOf(step),
      failurePolicy: step.failurePolicy ?? definition.failurePolicy,
      isFailurePath: failurePath[index]!,
    };
  });
  const roots = steps.filter((step) => step.dependencies.length === 0).map((step) => step.index);
  return { definition, steps, indexById, roots, timeoutMs: definition.timeout * 1000 };
}

function gateOf({ delay, runAt }: StepDefinition): PlanStep['gate'] {
  if (runAt !== undefined) return { at: Date.parse(runAt) };
  return delay === undefined ? null : { afterMs: delay * 1000 };
}

/** Walks from the roots down, so that each step is looked at once all its dependencies are known. */
function findFailurePath(
  steps: readonly StepDefinition[],
  indexById: ReadonlyMap<string, number>,
): readonly boolean[] {
  const found: (boolean | undefined)[] = steps.map((step) => {
    const { mode } = conditionOf(step);
    if (isFailureMode(mode)) return true;
    return mode === 'onSuccess' && step.dependsOn.length > 0 ? undefined : false;
  });
  for (let index = 0; index < steps.length; index++) resolve(index);
  return found as boolean[];

  /** Iterative: a chain of 10,000 steps must not exhaust the stack. */
  function resolve(top: number): void {
    const path = [top];
    for (let current = path.at(-1); current !== undefined; current = path.at(-1)) {
      const dependencies = steps[current]!.dependsOn.map((id) => indexById.get(id)!);
      const unknown = found[current] === undefined && dependencies.find((at) => found[at] === undefined);
      if (typeof unknown === 'number') {
        path.push(unknown);
        continue;
      }
      found[current] ??= dependencies.every((at) => found[at]);
      path.pop();
    }
  }
}

/** All ancestors of a step, in definition order. Costs O(edges above it). */
export function ancestorsOf(plan: Plan, index: number): number[] {
  const seen = new Set<number>();
  const open = [...plan.steps[index]!.dependencies];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    if (seen.has(current)) continue;
    seen.add(current);
    for (const dependency of plan.steps[current]!.dependencies) open.push(dependency);
  }
  return [...seen].sort((a, b) => a - b);
}
