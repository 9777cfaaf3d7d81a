import type { RunState } from '@waybill/engine';
import { type AddedStepsResult, parseAddedSteps } from './added-steps.ts';
import type { DefinitionChecks } from './checks.ts';
import type { Defaults } from './step-defaults.ts';
import { timedInRun } from './times.ts';

interface Origin {
  /** The step that answers, or an instance of it. */
  readonly answering?: string | undefined;
  /** What paths of faults start with. */
  readonly root?: string | undefined;
}

/** Validates steps that are added to this run. */
export function parseStepsFor(
  run: RunState,
  input: unknown,
  checks: DefinitionChecks,
  { answering = '', root = 'addSteps' }: Origin = {},
): AddedStepsResult {
  const { plan, clockFrom } = run;
  const whole = plan.steps.filter(({ instance }) => instance === null);
  const elapsed = clockFrom === null ? 0 : Math.max(0, (checks.now() - clockFrom) / 1000);
  const defined = plan.definition.steps.length;
  const index = plan.indexById.get(answering);
  // Nothing depends on an instance: its children hang from the step that it is of.
  const parent = index === undefined ? undefined : plan.steps[index]!.definition.id;
  return parseAddedSteps(input, checks, {
    steps: whole.map(({ definition }) => definition),
    failurePolicy: plan.definition.failurePolicy,
    time: {
      elapsed,
      timeout: plan.definition.timeout,
      timed: () => whole.map(({ index }) => timedInRun(run, run.steps[index]!, elapsed)),
    },
    definition: {
      hasStep: (id) => (plan.indexById.get(id) ?? defined) < defined,
      // Earlier definitions were stored without theirs: steps of these are compared as if there had been none.
      defaults: (plan.definition.defaults ?? {}) as Defaults,
    },
    root,
    ...(parent === undefined ? {} : { parent }),
  });
}
