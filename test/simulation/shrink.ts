import { type Reduction, type SimulationResult, simulate, whole } from './simulation.ts';
import { type FaultKind, faultKinds } from './swarm.ts';

export interface Shrunk {
  readonly reduction: Reduction;
  readonly result: SimulationResult;
}

/** The rule that a violation is of: `I4`, `ghosts`. */
function rulesOf({ violations }: SimulationResult): Set<string> {
  return new Set(violations.map((sentence) => sentence.split(/[ :]/, 1)[0]!));
}

/**
 * Leaves out kinds of faults, then runs, as long as the simulation still breaks one of the same rules. Each attempt
 * is another simulation: what is left is the least that was found, not the least there is.
 */
export async function shrink(first: SimulationResult): Promise<Shrunk> {
  const rules = rulesOf(first);
  let shrunk: Shrunk = { reduction: whole, result: first };
  const attempt = async (reduction: Reduction): Promise<boolean> => {
    const result = await simulate(first.seed, reduction);
    const isFailure = [...rulesOf(result)].some((rule) => rules.has(rule));
    if (isFailure) shrunk = { reduction, result };
    return isFailure;
  };
  const left = new Set<FaultKind>(faultKinds.filter((kind) => first.swarm[kind] === 0));
  for (const kind of faultKinds) {
    if (left.has(kind)) continue;
    const kinds = new Set([...left, kind]);
    if (await attempt({ ...shrunk.reduction, kinds })) left.add(kind);
  }
  for (let runsMax = 1; runsMax < 10; runsMax++) {
    if (await attempt({ ...shrunk.reduction, runsMax })) break;
  }
  return shrunk;
}
