import type { DefinitionFault, WorkflowDefinition } from '@waybill/engine';
import { createGraph } from './graph.ts';

/** Deeper than this the requests of a chain, each with the results of all above it, grow out of hand. */
const depthOfAll = 200;

/** What a definition may say and is likely to regret. `path` and `message` as of a fault. */
export function findWarnings({ steps }: WorkflowDefinition): DefinitionFault[] {
  const { order, dependencies } = createGraph(steps);
  const depths: number[] = [];
  for (const index of order) {
    depths[index] = 1 + Math.max(0, ...dependencies[index]!.map((dependency) => depths[dependency]!));
  }
  const deep = steps.findIndex(
    ({ input, url }, index) => url !== undefined && input === undefined && depths[index]! > depthOfAll,
  );
  if (deep === -1) return [];
  const message = `step "${steps[deep]!.id}" is ${depths[deep]} deep and is sent the results of all above it: set input to "dependencies", "none" or the steps it needs`;
  return [{ path: `steps[${deep}].input`, message }];
}
