import { type Condition, conditionOf } from './condition.ts';
import type { FailurePolicy, RetryPolicy, StepDefinition, WorkflowDefinition } from './definition.ts';
import { type Compiled, compileExpression } from './expression/index.ts';
import { findFailurePath } from './failure-path.ts';

/** A definition compiled once and shared by every run of that version. Never mutated. */
export interface Plan {
  readonly definition: WorkflowDefinition;
  readonly steps: readonly PlanStep[];
  readonly indexById: ReadonlyMap<string, number>;
  /** Steps without dependencies, in definition order. */
  readonly roots: readonly number[];
  readonly timeoutMs: number;
}

/** What a step does: a request to a URL, or nothing but wait for the clock, a signal, or another run. */
export type StepKind = 'request' | 'sleep' | 'wait' | 'workflow';

export interface PlanStep {
  readonly index: number;
  /** `charge`, or `charge[3]` for an instance of a `forEach`. */
  readonly id: string;
  readonly kind: StepKind;
  readonly definition: StepDefinition;
  readonly dependencies: readonly number[];
  /** In definition order. */
  readonly dependents: readonly number[];
  readonly timeoutMs: number;
  readonly retries: RetryPolicy;
  readonly condition: Condition;
  readonly when: Compiled | null;
  readonly forEach: Compiled | null;
  /** Set for an instance of a `forEach`: it has no dependents, and its end is told to the step it is of. */
  readonly instance: Instance | null;
  /** ms after the step came to be, or a fixed engine time; null: nothing but the condition. */
  readonly gate: { readonly afterMs: number } | { readonly at: number } | null;
  readonly failurePolicy: FailurePolicy;
  /** Is not cut off when the run fails: of a failure mode, or depends on such steps alone. */
  readonly isFailurePath: boolean;
}

export interface Instance {
  /** Index of the step with the `forEach`. */
  readonly of: number;
  readonly index: number;
  /** JSON text. */
  readonly item: string;
}

/** Compiles a definition whose graph has no faults (see findGraphFaults). */
export function compilePlan(definition: WorkflowDefinition): Plan {
  const plan: OwnPlan = {
    definition,
    steps: [],
    indexById: new Map(),
    roots: [],
    timeoutMs: definition.timeout * 1000,
  };
  appendSteps(plan, definition.steps);
  return plan;
}

interface OwnStep extends PlanStep {
  readonly dependents: number[];
}

/** A plan that belongs to one run, which has added steps of its own. */
export interface OwnPlan extends Plan {
  readonly steps: OwnStep[];
  readonly indexById: Map<string, number>;
  readonly roots: number[];
}

/** Costs O(steps), once a run, and only of a run that adds steps. */
export function copyPlan({ definition, steps, indexById, roots, timeoutMs }: Plan): OwnPlan {
  return {
    definition,
    steps: steps.map((step) => ({ ...step, dependents: [...step.dependents] })),
    indexById: new Map(indexById),
    roots: [...roots],
    timeoutMs,
  };
}

/** Appends steps that may depend on each other and on those before them. Costs O(their edges). */
export function appendSteps(plan: OwnPlan, definitions: readonly StepDefinition[]): readonly PlanStep[] {
  const first = plan.steps.length;
  for (const [offset, { id }] of definitions.entries()) plan.indexById.set(id, first + offset);
  const failurePath = findFailurePath(plan, definitions);
  for (const [offset, definition] of definitions.entries()) {
    plan.steps.push(compileStep(plan, definition, first + offset, failurePath[offset]!));
  }
  for (const { index, dependencies } of plan.steps.slice(first)) {
    for (const dependency of dependencies) plan.steps[dependency]!.dependents.push(index);
    if (dependencies.length === 0) plan.roots.push(index);
  }
  return plan.steps.slice(first);
}

/** Instances look at what the step they are of looks at, and nothing depends on them. */
export function appendInstances(plan: OwnPlan, of: number, items: readonly string[]): readonly PlanStep[] {
  const template = plan.steps[of]!;
  const first = plan.steps.length;
  for (const [index, item] of items.entries()) {
    const id = `${template.id}[${index}]`;
    plan.indexById.set(id, first + index);
    const own = { index: first + index, id, dependents: [], instance: { of, index, item } };
    plan.steps.push({ ...template, ...own, when: null, forEach: null, gate: null });
  }
  return plan.steps.slice(first);
}

function compileStep(
  plan: OwnPlan,
  definition: StepDefinition,
  index: number,
  isFailurePath: boolean,
): OwnStep {
  const { when, forEach } = definition;
  return {
    index,
    id: definition.id,
    kind: kindOf(definition),
    definition,
    dependencies: definition.dependsOn.map((id) => plan.indexById.get(id)!),
    dependents: [],
    timeoutMs: definition.timeout * 1000,
    retries: definition.retries,
    condition: conditionOf(definition),
    when: when === undefined ? null : compileExpression(when),
    forEach: forEach === undefined ? null : compileExpression(forEach),
    instance: null,
    gate: gateOf(definition),
    failurePolicy: definition.failurePolicy ?? plan.definition.failurePolicy,
    isFailurePath,
  };
}

function kindOf({ sleep, waitFor, workflow }: StepDefinition): StepKind {
  if (sleep !== undefined) return 'sleep';
  if (waitFor !== undefined) return 'wait';
  return workflow === undefined ? 'request' : 'workflow';
}

function gateOf({ delay, runAt }: StepDefinition): PlanStep['gate'] {
  if (runAt !== undefined) return { at: Date.parse(runAt) };
  return delay === undefined ? null : { afterMs: delay * 1000 };
}

/** Of a `forEach`, its instances are compensated. */
export function isCompensable({ definition, forEach }: PlanStep): boolean {
  return definition.compensation !== undefined && forEach === null;
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
