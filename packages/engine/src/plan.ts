import type { RetryPolicy, StepDefinition, WorkflowDefinition } from './definition.ts';

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
}

/** Compiles a definition whose graph has no faults (see findGraphFaults). */
export function compilePlan(definition: WorkflowDefinition): Plan {
  const indexById = new Map(definition.steps.map((step, index) => [step.id, index]));
  const dependents: number[][] = definition.steps.map(() => []);
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
    };
  });
  const roots = steps.filter((step) => step.dependencies.length === 0).map((step) => step.index);
  return { definition, steps, indexById, roots, timeoutMs: definition.timeout * 1000 };
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
