import type { Budget } from './budget.ts';
import { type Documents, tooManyItems } from './documents.ts';
import { limits } from './limits.ts';
import type { Each, Node } from './tree.ts';
import { Failure, isMap, kindOf, memberOf, type Outcome, type Value } from './value.ts';

/** One evaluation of a tree. */
export class Walk {
  readonly #documents: Documents;
  readonly #budget: Budget;
  /** The item of the comprehension under way. */
  #item: Value = null;

  constructor(documents: Documents, budget: Budget) {
    this.#documents = documents;
    this.#budget = budget;
  }

  visit(node: Node): Outcome {
    if (!this.#budget.spend(1)) return this.#budget.exhausted!;
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'read':
        return this.#documents.value(node.source, node.path);
      case 'isThere':
        return this.#documents.isThere(node.source);
      case 'item':
        return this.#item;
      case 'member':
        return this.#member(this.visit(node.of), node.key);
      case 'has':
        return this.#has(this.visit(node.of), node.key);
      case 'index':
        return this.#index(this.visit(node.of), this.visit(node.at));
      case 'call':
        return this.#call(node);
      case 'any':
        return this.#logic(node.of, true);
      case 'every':
        return this.#logic(node.of, false);
      case 'choice':
        return this.#choice(node);
      case 'list':
        return this.#all(node.of);
      case 'map':
        return this.#map(node.entries);
      case 'each':
        return this.#each(node);
    }
  }

  #member(of: Outcome, key: string): Outcome {
    if (of instanceof Failure) return of;
    const value = isMap(of) ? memberOf(of, key) : undefined;
    if (value !== undefined) return value;
    return new Failure(
      isMap(of) ? `there is no key ${quote(key)}` : `${kindOf(of)} has no key ${quote(key)}`,
    );
  }

  #has(of: Outcome, key: string): Outcome {
    if (of instanceof Failure) return of;
    return isMap(of) ? Object.hasOwn(of, key) : new Failure(`${kindOf(of)} has no keys`);
  }

  #index(of: Outcome, at: Outcome): Outcome {
    if (of instanceof Failure) return of;
    if (at instanceof Failure) return at;
    if (!Array.isArray(of)) {
      return typeof at === 'string' ? this.#member(of, at) : new Failure(`${kindOf(of)} has no place ${at}`);
    }
    const item = typeof at === 'number' ? of[at] : undefined;
    if (item !== undefined) return item;
    const place = typeof at === 'number' ? String(at) : kindOf(at);
    return new Failure(`there is no place ${place} in a list of ${of.length}`);
  }

  #call({ run, args }: Extract<Node, { kind: 'call' }>): Outcome {
    const values = this.#all(args);
    return values instanceof Failure ? values : run(values, this.#budget);
  }

  #all(nodes: readonly Node[]): Value[] | Failure {
    const values: Value[] = [];
    for (const node of nodes) {
      const value = this.visit(node);
      if (value instanceof Failure) return value;
      values.push(value);
    }
    return values;
  }

  /** `||` and `&&`: a failure counts only when no other part decides. */
  #logic(parts: readonly Node[], deciding: boolean): Outcome {
    let failure: Failure | null = null;
    for (const part of parts) {
      const value = asBool(this.visit(part), deciding ? '||' : '&&');
      if (value === deciding) return deciding;
      if (value instanceof Failure) failure ??= value;
    }
    return failure ?? !deciding;
  }

  #choice({ test, yes, no }: Extract<Node, { kind: 'choice' }>): Outcome {
    const value = asBool(this.visit(test), '?:');
    if (value instanceof Failure) return value;
    return this.visit(value ? yes : no);
  }

  #map(entries: readonly (readonly [Node, Node])[]): Outcome {
    const map = Object.create(null) as Record<string, Value>;
    for (const [keyNode, valueNode] of entries) {
      const key = this.visit(keyNode);
      if (key instanceof Failure) return key;
      if (typeof key !== 'string') return new Failure(`a key is a string, not ${kindOf(key)}`);
      if (key in map) return new Failure(`the key ${quote(key)} is there twice`);
      const value = this.visit(valueNode);
      if (value instanceof Failure) return value;
      map[key] = value;
    }
    return map;
  }

  #each(node: Each): Outcome {
    const over = this.visit(node.over);
    if (over instanceof Failure) return over;
    const items = isMap(over) ? Object.keys(over) : over;
    if (!Array.isArray(items)) {
      return new Failure(`.${node.macro}() takes a list or a map, not ${kindOf(over)}`);
    }
    if (items.length > limits.itemsMax) return tooManyItems(items.length);
    if (node.macro === 'all' || node.macro === 'exists') return this.#decide(node, items);
    const kept = this.#keep(node, items);
    if (kept instanceof Failure || node.macro !== 'exists_one') return kept;
    return kept.length === 1;
  }

  /** `exists` is `||` over the items, `all` is `&&`. */
  #decide({ macro, test }: Each, items: readonly Value[]): Outcome {
    const deciding = macro === 'exists';
    let failure: Failure | null = null;
    for (const item of items) {
      this.#item = item;
      const value = asBool(this.visit(test!), `.${macro}()`);
      if (value === deciding) return deciding;
      if (value instanceof Failure) {
        failure ??= value;
        this.#budget.spend(8);
      }
      if (this.#budget.exhausted) return this.#budget.exhausted;
    }
    return failure ?? !deciding;
  }

  #keep({ macro, test, body }: Each, items: readonly Value[]): Value[] | Failure {
    const kept: Value[] = [];
    for (const item of items) {
      this.#item = item;
      const isKept = test === null || asBool(this.visit(test), `.${macro}()`);
      if (isKept instanceof Failure) return isKept;
      if (!isKept) continue;
      const value = body === null ? item : this.visit(body);
      if (value instanceof Failure) return value;
      kept.push(value);
    }
    return kept;
  }
}

function asBool(value: Outcome, asker: string): boolean | Failure {
  if (typeof value === 'boolean' || value instanceof Failure) return value;
  return new Failure(`${asker} takes a bool, not ${kindOf(value)}`);
}

/** A key may be long, and it is data: as much of it as tells which. */
function quote(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key);
}
