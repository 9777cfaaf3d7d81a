import type { DefinitionFault } from './definition.ts';

interface GraphNode {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** Every fault of the dependency graph at once: duplicate ids, unknown and self dependencies, cycles. */
export function findGraphFaults(steps: readonly GraphNode[]): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const indexById = new Map<string, number>();
  steps.forEach((step, index) => {
    const earlier = indexById.get(step.id);
    if (earlier === undefined) indexById.set(step.id, index);
    else {
      faults.push({
        path: `steps[${index}].id`,
        message: `duplicate step id "${step.id}", already used by steps[${earlier}]`,
      });
    }
  });
  steps.forEach((step, index) => {
    const seen = new Set<string>();
    step.dependsOn.forEach((dependency, at) => {
      const path = `steps[${index}].dependsOn[${at}]`;
      if (dependency === step.id) faults.push({ path, message: `step "${step.id}" depends on itself` });
      else if (!indexById.has(dependency)) {
        faults.push({ path, message: `unknown step "${dependency}"` });
      } else if (seen.has(dependency)) faults.push({ path, message: `"${dependency}" is named twice` });
      seen.add(dependency);
    });
  });
  const cycle = findCycle(steps, indexById);
  if (cycle) faults.push({ path: 'steps', message: `cycle: ${cycle.join(' → ')}` });
  return faults;
}

/** One cycle of two or more steps in dependency order (`a → b → a`: b depends on a, a on b), or null. */
export function findCycle(
  steps: readonly GraphNode[],
  indexById: ReadonlyMap<string, number>,
): string[] | null {
  const colour = new Uint8Array(steps.length); // 0 unseen, 1 on the path, 2 finished
  const next = new Uint32Array(steps.length);
  for (let root = 0; root < steps.length; root++) {
    if (colour[root] !== 0) continue;
    // Iterative: a chain of 10,000 steps must not exhaust the stack.
    const path = [root];
    colour[root] = 1;
    while (path.length > 0) {
      const current = path.at(-1)!;
      const dependencies = steps[current]!.dependsOn;
      const position = next[current]!++;
      if (position >= dependencies.length) {
        colour[current] = 2;
        path.pop();
        continue;
      }
      const target = indexById.get(dependencies[position]!);
      if (target === undefined || target === current) continue;
      if (colour[target] === 1) {
        const loop = path.slice(path.indexOf(target)).reverse();
        return [...loop, loop[0]!].map((index) => steps[index]!.id);
      }
      if (colour[target] === 0) {
        colour[target] = 1;
        path.push(target);
      }
    }
  }
  return null;
}
