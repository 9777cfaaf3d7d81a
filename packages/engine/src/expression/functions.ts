import type { Budget } from './budget.ts';
import type { Operation } from './tree.ts';
import { Failure, isMap, kindOf, type Outcome, type Value } from './value.ts';

const functions: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['size', size],
  ['string', toText],
  ['double', toNumber],
  ['int', toInteger],
]);

/** Called on a string with a string. */
const methods: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['contains', textMethod('contains', (text, part) => text.includes(part))],
  ['startsWith', textMethod('startsWith', (text, part) => text.startsWith(part))],
  ['endsWith', textMethod('endsWith', (text, part) => text.endsWith(part))],
]);

export const functionNames =
  'size(), string(), double(), int(), has(), .contains(), .startsWith(), .endsWith(), .all(), .exists(), .exists_one(), .filter() and .map()';

/** What a name means, or null. `size` is both: `size(x)` and `x.size()`. */
export function functionOf(name: string, isMethod: boolean, args: number): Operation | null {
  if (isMethod && args === 1) return methods.get(name) ?? null;
  const isUnary = isMethod ? args === 0 && name === 'size' : args === 1;
  return isUnary ? (functions.get(name) ?? null) : null;
}

function size([value]: readonly Value[], budget: Budget): Outcome {
  if (typeof value === 'string') {
    return budget.spend(value.length / 4) ? codePoints(value) : budget.exhausted!;
  }
  if (Array.isArray(value)) return value.length;
  if (!isMap(value!)) return new Failure(`size() takes a string, a list or a map, not ${kindOf(value!)}`);
  const keys = Object.keys(value).length;
  budget.spend(keys / 4);
  return keys;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function toText([value]: readonly Value[], budget: Budget): Outcome {
  if (typeof value === 'string') return value;
  budget.spend(4);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return new Failure(`string() takes a string, a number or a bool, not ${kindOf(value!)}`);
}

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function toNumber([value]: readonly Value[], _budget: Budget, name = 'double'): Outcome {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') {
    return new Failure(`${name}() takes a number or a string, not ${kindOf(value!)}`);
  }
  if (value.length <= 100 && numeral.test(value)) return Number(value);
  return new Failure(`${name}() takes a string that holds a number`);
}

function toInteger(args: readonly Value[], budget: Budget): Outcome {
  const value = toNumber(args, budget, 'int');
  return typeof value === 'number' ? Math.trunc(value) : value;
}

function textMethod(name: string, judge: (text: string, part: string) => boolean): Operation {
  return ([text, part], budget) => {
    if (typeof text !== 'string' || typeof part !== 'string') {
      return new Failure(
        `.${name}() takes a string after a string, not ${kindOf(part!)} after ${kindOf(text!)}`,
      );
    }
    // V8 compares every place with all of the part when both are periodic: 0.2 ns a pair.
    const pairs = name === 'contains' ? text.length * part.length : part.length * 16;
    return budget.spend(pairs / 256) ? judge(text, part) : budget.exhausted!;
  };
}
