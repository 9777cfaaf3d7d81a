import type { Budget } from './budget.ts';
import { tooManyItems } from './documents.ts';
import { limits } from './limits.ts';
import { Failure, kindOf, type Value } from './value.ts';

/** JSON texts of the items of a computed list. */
export function itemTexts(value: Value, budget: Budget): string[] | Failure {
  if (!Array.isArray(value)) return new Failure(`gives ${kindOf(value)}, not a list`);
  if (value.length > limits.itemsMax) return tooManyItems(value.length);
  const texts: string[] = [];
  for (const item of value) {
    const failure = weigh(item, budget);
    if (failure) return failure;
    texts.push(JSON.stringify(item));
  }
  return texts;
}

/** Takes what writing the value out costs, before it is written: an expression may name one value many times. */
function weigh(value: Value, budget: Budget): Failure | null {
  const characters = typeof value === 'string' ? value.length / 16 : 0;
  if (!budget.spend(1 + characters)) return budget.exhausted;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? null : new Failure(`gives ${value}, which JSON does not have`);
  }
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) return weighAll(value, budget);
  const keys = Object.keys(value);
  return budget.spend(keys.join('').length / 16 + keys.length)
    ? weighAll(Object.values(value), budget)
    : budget.exhausted;
}

function weighAll(values: readonly Value[], budget: Budget): Failure | null {
  for (const value of values) {
    const failure = weigh(value, budget);
    if (failure) return failure;
  }
  return null;
}
