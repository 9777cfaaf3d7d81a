/** What an expression computes with: JSON. Every number is a double. */
export type Value = null | boolean | number | string | Value[] | ValueMap;

export interface ValueMap {
  readonly [key: string]: Value;
}

/** Why a value could not be had. Returned and not thrown: a comprehension may meet ten thousand of them. */
export class Failure {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export type Outcome = Value | Failure;

export function isMap(value: Outcome): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Failure);
}

/** Own members alone: `constructor` and `__proto__` are keys like any other, or absent. */
export function memberOf(map: ValueMap, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** As it reads in a sentence: "a number", "null". */
export function kindOf(value: Value): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return { boolean: 'a bool', number: 'a number', string: 'a string', object: 'a map' }[
    typeof value as 'boolean' | 'number' | 'string' | 'object'
  ];
}
