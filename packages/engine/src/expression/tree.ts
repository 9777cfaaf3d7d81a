import type { Budget } from './budget.ts';
import type { Outcome, Value } from './value.ts';

/** Where data comes from. */
export type Source =
  | { readonly kind: 'context' }
  | { readonly kind: 'step'; readonly id: string; readonly field: StepField };

export const stepFields = ['result', 'state', 'error'] as const;
export type StepField = (typeof stepFields)[number];

export type Operation = (args: readonly Value[], budget: Budget) => Outcome;

export const macros = ['all', 'exists', 'exists_one', 'filter', 'map'] as const;
export type Macro = (typeof macros)[number];

/** A comprehension. They are not nested, so that one variable is in scope at most. */
export interface Each {
  readonly kind: 'each';
  readonly macro: Macro;
  readonly over: Node;
  /** What is asked of every item; null when `map` takes all. */
  readonly test: Node | null;
  /** What `map` makes of an item. */
  readonly body: Node | null;
}

export type Node =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'read'; readonly source: Source; readonly path: readonly string[] }
  | { readonly kind: 'isThere'; readonly source: Source }
  | { readonly kind: 'item' }
  | { readonly kind: 'member'; readonly of: Node; readonly key: string }
  | { readonly kind: 'has'; readonly of: Node; readonly key: string }
  | { readonly kind: 'index'; readonly of: Node; readonly at: Node }
  | { readonly kind: 'call'; readonly name: string; readonly run: Operation; readonly args: readonly Node[] }
  | { readonly kind: 'any' | 'every'; readonly of: readonly Node[] }
  | { readonly kind: 'choice'; readonly test: Node; readonly yes: Node; readonly no: Node }
  | { readonly kind: 'list'; readonly of: readonly Node[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Node, Node])[] }
  | Each;

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** As it would be written: `steps["process-a"].result.total`. */
export function pathText(source: Source, path: readonly string[]): string {
  const start = source.kind === 'context' ? ['context'] : ['steps', source.id, source.field];
  const [root, ...rest] = [...start, ...path];
  return rest.reduce(
    (text, key) => text + (identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`),
    root!,
  );
}
