import type { Budget } from './budget.ts';
import type { Operation } from './tree.ts';
import { Failure, isMap, kindOf, memberOf, type Outcome, type Value } from './value.ts';

/** Operators by the names that the parser gives them. */
export const operators: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['!_', not],
  ['-_', negate],
  ['_+_', add],
  ['_-_', arithmetic('-', (left, right) => left - right)],
  ['_*_', arithmetic('*', (left, right) => left * right)],
  ['_/_', arithmetic('/', (left, right) => left / right)],
  ['_%_', arithmetic('%', (left, right) => left % right)],
  ['_==_', ([left, right], budget) => equals(left!, right!, budget)],
  ['_!=_', ([left, right], budget) => !equals(left!, right!, budget)],
  ['_<_', comparison('<', (left, right) => left < right)],
  ['_<=_', comparison('<=', (left, right) => left <= right)],
  ['_>_', comparison('>', (left, right) => left > right)],
  ['_>=_', comparison('>=', (left, right) => left >= right)],
  ['@in', isIn],
]);

function not([value]: readonly Value[]): Outcome {
  return typeof value === 'boolean' ? !value : new Failure(`"!" takes a bool, not ${kindOf(value!)}`);
}

function negate([value]: readonly Value[]): Outcome {
  return typeof value === 'number' ? -value : new Failure(`"-" takes a number, not ${kindOf(value!)}`);
}

function arithmetic(sign: string, compute: (left: number, right: number) => number): Operation {
  return ([left, right]) => {
    if (typeof left === 'number' && typeof right === 'number') return compute(left, right);
    return mismatch(sign, left!, right!);
  };
}

function add([left, right]: readonly Value[], budget: Budget): Outcome {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (typeof left === 'string' && typeof right === 'string') {
    return budget.spend((left.length + right.length) / 16) ? left + right : budget.exhausted!;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return budget.spend((left.length + right.length) / 4) ? [...left, ...right] : budget.exhausted!;
  }
  return mismatch('+', left!, right!);
}

type Comparable = number | string | boolean;

function comparison(sign: string, compare: (left: Comparable, right: Comparable) => boolean): Operation {
  return ([left, right], budget) => {
    if (isComparable(left!) && isComparable(right!) && typeof left === typeof right) {
      budget.spend(typeof left === 'string' ? left.length / 16 : 0);
      return compare(left, right);
    }
    return mismatch(sign, left!, right!);
  };
}

const isComparable = (value: Value): value is Comparable =>
  typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';

function mismatch(sign: string, left: Value, right: Value): Failure {
  return new Failure(`"${sign}" does not go with ${kindOf(left)} and ${kindOf(right)}`);
}

/** Values of two kinds are unequal. False as soon as the budget runs out: its owner looks at that. */
export function equals(left: Value, right: Value, budget: Budget): boolean {
  if (!budget.spend(1)) return false;
  if (typeof left === 'string' && typeof right === 'string') {
    return left.length === right.length && budget.spend(left.length / 16) && left === right;
  }
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, at) => equals(item, right[at]!, budget));
  }
  if (!isMap(left) || !isMap(right)) return left === right;
  const keys = Object.keys(left);
  if (!budget.spend(keys.length) || keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => {
    const other = memberOf(right, key);
    return other !== undefined && equals(left[key]!, other, budget);
  });
}

function isIn([value, container]: readonly Value[], budget: Budget): Outcome {
  if (Array.isArray(container)) return container.some((item) => equals(item, value!, budget));
  if (isMap(container!)) {
    if (typeof value === 'object')
      return new Failure(`"in" looks for a key in a map, not for ${kindOf(value)}`);
    return typeof value === 'string' && Object.hasOwn(container, value);
  }
  return new Failure(`"in" takes a list or a map on its right, not ${kindOf(container!)}`);
}
