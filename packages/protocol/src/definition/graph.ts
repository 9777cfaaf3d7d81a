import { isRecord } from './checks.ts';

/** Steps and what they depend on, by place: `dependencies[2]` are the places of those of step 2. */
export interface Graph {
  readonly ids: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly dependencies: readonly (readonly number[])[];
  /** Every place once, dependencies first. */
  readonly order: readonly number[];
}

export interface GraphNode {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** The graph of whatever was sent as steps, so that its faults are named even beside faults of shape. */
export function nodesOf(steps: readonly unknown[]): GraphNode[] {
  return steps.map((step, index) => {
    const { id, dependsOn } = isRecord(step) ? step : {};
    return { id: typeof id === 'string' ? id : `\u0000${index}`, dependsOn: listOf(dependsOn) };
  });
}

export function listOf(dependsOn: unknown): string[] {
  const list: unknown[] = Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  return list.filter((item) => typeof item === 'string');
}

/** Of nodes in which `findGraphFaults` finds nothing. */
export function createGraph(nodes: readonly GraphNode[]): Graph {
  const ids = nodes.map(({ id }) => id);
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const dependencies = nodes.map(({ dependsOn }) => dependsOn.map((id) => indexOf.get(id)!));
  return { ids, indexOf, dependencies, order: orderOf(dependencies) };
}

function orderOf(dependencies: readonly (readonly number[])[]): number[] {
  const open = dependencies.map((list) => list.length);
  const dependents: number[][] = dependencies.map(() => []);
  dependencies.forEach((list, index) => {
    for (const dependency of list) dependents[dependency]!.push(index);
  });
  const order = open.flatMap((count, index) => (count === 0 ? [index] : []));
  // Grows while it is walked: a step comes in with the last of its dependencies.
  for (const index of order) {
    for (const dependent of dependents[index]!) {
      open[dependent]!--;
      if (open[dependent] === 0) order.push(dependent);
    }
  }
  return order;
}

/** One question: is `above` an ancestor of `index`? */
export interface AncestorQuery {
  readonly index: number;
  readonly above: number;
}

/** Those of the queries whose answer is no. 32 possible ancestors a pass, so that long chains stay cheap. */
export function findNoAncestors<Q extends AncestorQuery>(graph: Graph, queries: readonly Q[]): Q[] {
  const byPlace = new Map<number, Q[]>();
  for (const query of queries) {
    const same = byPlace.get(query.above);
    if (same) same.push(query);
    else byPlace.set(query.above, [query]);
  }
  const places = [...byPlace.keys()];
  const no = new Set<Q>();
  for (let start = 0; start < places.length; start += 32) {
    const block = places.slice(start, start + 32);
    const reached = reachedBy(graph, block);
    block.forEach((place, bit) => {
      for (const query of byPlace.get(place)!) if (((reached[query.index]! >>> bit) & 1) === 0) no.add(query);
    });
  }
  return queries.filter((query) => no.has(query));
}

/** For every step the bits of those of `places` that are above it. */
function reachedBy({ dependencies, order }: Graph, places: readonly number[]): Uint32Array {
  const bitOf = new Map(places.map((place, bit) => [place, 1 << bit]));
  const above = new Uint32Array(dependencies.length);
  for (const index of order) {
    let bits = 0;
    for (const dependency of dependencies[index]!) bits |= above[dependency]! | (bitOf.get(dependency) ?? 0);
    above[index] = bits;
  }
  return above;
}
