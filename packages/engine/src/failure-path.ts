import { conditionOf, isFailureMode } from './condition.ts';
import type { StepDefinition } from './definition.ts';
import type { Plan } from './plan.ts';

/**
 * Which of the steps to be appended a failing run does not cut off. Walks from the roots down, so that each is
 * looked at once all its dependencies are known; `plan.indexById` names the new steps already.
 */
export function findFailurePath(
  plan: Pick<Plan, 'steps' | 'indexById'>,
  definitions: readonly StepDefinition[],
): readonly boolean[] {
  const first = plan.steps.length;
  const found: (boolean | undefined)[] = definitions.map((step) => {
    const { mode } = conditionOf(step);
    if (isFailureMode(mode)) return true;
    return mode === 'onSuccess' && step.dependsOn.length > 0 ? undefined : false;
  });
  const isOnIt = (at: number) => (at < first ? plan.steps[at]!.isFailurePath : found[at - first]);
  for (let offset = 0; offset < definitions.length; offset++) resolve(offset);
  return found as boolean[];

  /** Iterative: a chain of 10,000 steps must not exhaust the stack. */
  function resolve(top: number): void {
    const path = [top];
    for (let current = path.at(-1); current !== undefined; current = path.at(-1)) {
      const dependencies = definitions[current]!.dependsOn.map((id) => plan.indexById.get(id)!);
      const unknown = found[current] === undefined && dependencies.find((at) => isOnIt(at) === undefined);
      if (typeof unknown === 'number') {
        path.push(unknown - first);
        continue;
      }
      found[current] ??= dependencies.every((at) => isOnIt(at));
      path.pop();
    }
  }
}
