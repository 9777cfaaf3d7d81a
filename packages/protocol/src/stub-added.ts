import { defaultRetryPolicy, type StepDefinition } from '@waybill/engine';
import type { AddedSteps } from './answer.ts';
import type { DefinitionChecks } from './definition-checks.ts';
export function parseAddedSteps(
  input: unknown,
  _checks: DefinitionChecks,
  options: { parent?: string; steps: readonly StepDefinition[]; at?: string },
): AddedSteps {
  return {
    steps: (input as Record<string, unknown>[]).map(
      ({ parent = options.parent, ...s }) =>
        ({
          parallel: true,
          timeout: 300,
          ...s,
          dependsOn: [...(parent ? [parent] : []), ...((s.dependsOn as string[]) ?? [])],
          retries: { ...defaultRetryPolicy, ...(s.retries as object) },
        }) as unknown as StepDefinition,
    ),
  };
}
