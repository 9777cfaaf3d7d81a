import { type DefinitionFault, findGraphFaults, type WorkflowDefinition } from '@waybill/engine';
import { defaultTimeoutSeconds } from '../defaults.ts';
import { zodFaults } from '../faults.ts';
import { type DefinitionLimits, limitOf } from '../limits.ts';
import { type DefinitionChecks, findStepTargetFaults, findTargetFaults, isRecord } from './checks.ts';
import { createGraph, nodesOf } from './graph.ts';
import { findKindFaults } from './kinds.ts';
import { findLimitFaults, findStepLimitFaults } from './limit-faults.ts';
import { normalise } from './normalise.ts';
import {
  compileFields,
  findExpressionFaults,
  findInProgressFaults,
  findReferenceFaults,
} from './references.ts';
import { definitionSchema, type ParsedDefinition } from './schema.ts';
import { findSenselessFields } from './senseless.ts';
import { blamedOnDefaults, withDefaults } from './step-defaults.ts';
import type { ParsedStep } from './step-schema.ts';
import { findTimeFaults, timedOf } from './times.ts';

export type DefinitionResult =
  | { readonly definition: WorkflowDefinition }
  | { readonly faults: readonly DefinitionFault[] };

/** Validates a client's definition and applies defaults. Reports every fault at once, each with its path. */
export function parseDefinition(input: unknown, checks: DefinitionChecks): DefinitionResult {
  const { limits } = checks;
  const tooMany = stepCountFault(input, limits);
  if (tooMany) return { faults: [tooMany] };
  const parsed = definitionSchema.safeParse(input);
  const { defaults = {} } = parsed.data ?? {};
  const steps = parsed.data?.steps.map((step) => withDefaults(step, defaults));
  const between = stepFaults(steps ?? stepsOf(input), parsed.data, steps);
  const faults = [
    ...(parsed.success ? findSenselessFields(parsed.data) : zodFaults(parsed.error)),
    ...(parsed.success ? blamedOnDefaults(between, parsed.data.steps, defaults) : between),
    ...findLimitFaults(input, limits, checks.now()),
    ...findStepLimitFaults(stepsOf(input), limits, checks.now()),
    ...findTargetFaults(input, checks),
    ...findStepTargetFaults(stepsOf(input), checks),
  ];
  if (faults.length > 0 || !parsed.success || !steps) return { faults };
  return { definition: normalise(parsed.data, steps, checks.baseUrl) };
}

/** Alone: a body of a hundred thousand faulty steps would be answered with as many faults. */
function stepCountFault(input: unknown, limits: DefinitionLimits): DefinitionFault | null {
  const { stepsMax } = limits;
  const { length } = stepsOf(input);
  if (length <= stepsMax) return null;
  const message = `has ${length} steps, above stepsMax ${stepsMax}`;
  return { path: 'steps', message, limit: limitOf(limits, 'stepsMax') };
}

function stepsOf(input: unknown): unknown[] {
  const steps: unknown = isRecord(input) ? input.steps : undefined;
  return Array.isArray(steps) ? steps : [];
}

/** What is between steps. What needs a sound graph is looked for in one alone. */
function stepFaults(
  steps: readonly unknown[],
  parsed: ParsedDefinition | undefined,
  whole: readonly ParsedStep[] | undefined,
): DefinitionFault[] {
  const nodes = nodesOf(steps);
  const graphFaults = findGraphFaults(nodes);
  const fields = compileFields(steps);
  const faults = [
    ...graphFaults,
    ...findKindFaults(steps),
    ...findExpressionFaults(fields),
    ...findInProgressFaults(steps, fields),
  ];
  if (graphFaults.length > 0) return faults;
  const graph = createGraph(nodes);
  const timeout = parsed?.timeout ?? defaultTimeoutSeconds;
  return [
    ...faults,
    ...findReferenceFaults(steps, fields, graph),
    ...(whole ? findTimeFaults(whole.map(timedOf), graph, timeout) : []),
  ];
}
