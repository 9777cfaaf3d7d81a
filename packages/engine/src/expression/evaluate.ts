import { Budget } from './budget.ts';
import type { Expression } from './compile.ts';
import { Documents, type ExpressionInput } from './documents.ts';
import { itemTexts } from './items.ts';
import { Failure, kindOf } from './value.ts';
import { Walk } from './walk.ts';

/** What a `when` says. Anything but true and false is an error. Never throws. */
export function evaluateCondition(
  { tree }: Expression,
  input: ExpressionInput,
): { value: boolean } | { error: string } {
  const value = guarded((budget) => {
    const outcome = new Walk(new Documents(input, budget), budget).visit(tree);
    if (typeof outcome === 'boolean' || outcome instanceof Failure) return outcome;
    return new Failure(`gives ${kindOf(outcome)}, not true or false`);
  });
  return value instanceof Failure ? { error: value.message } : { value };
}

/**
 * The JSON texts of the items of a `forEach`. Those of a plain path come as they were written, digits and all;
 * computed ones are written anew. Anything but a list, and a list of more than 10,000, is an error. Never throws.
 */
export function evaluateList(
  { tree }: Expression,
  input: ExpressionInput,
): { items: string[] } | { error: string } {
  const items = guarded((budget) => {
    const documents = new Documents(input, budget);
    if (tree.kind === 'read') return documents.itemTexts(tree.source, tree.path);
    const outcome = new Walk(documents, budget).visit(tree);
    return outcome instanceof Failure ? outcome : itemTexts(outcome, budget);
  });
  return items instanceof Failure ? { error: items.message } : { items };
}

function guarded<T>(evaluate: (budget: Budget) => T | Failure): T | Failure {
  const budget = new Budget();
  try {
    const outcome = evaluate(budget);
    return budget.exhausted ?? outcome;
  } catch (error) {
    // A text that is not JSON, or one nested beyond the stack: no fault of the expression, and no reason to stop.
    return new Failure(`could not be evaluated: ${error instanceof Error ? error.name : 'unknown'}`);
  }
}
