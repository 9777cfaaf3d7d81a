import { elementTexts, memberText } from '../json-text.ts';
import { type Budget, count } from './budget.ts';
import { limits } from './limits.ts';
import { pathText, type Source } from './tree.ts';
import { Failure, isMap, kindOf, memberOf, type Outcome, type Value } from './value.ts';

/** What an expression is evaluated over. Texts are asked for when the expression reads them, and not before. */
export interface ExpressionInput {
  /** JSON text. */
  readonly context: string;
  /** A step that it names: `result` is JSON text, null without one. Null when the step is not known. */
  step(
    id: string,
  ): { readonly state: string; readonly result: string | null; readonly error: unknown } | null;
}

/** The JSON that one evaluation reads: parsed once, or only as far as a path reaches into a long text. */
export class Documents {
  readonly #input: ExpressionInput;
  readonly #budget: Budget;
  readonly #texts = new Map<string, string | Failure>();
  readonly #parsed = new Map<string, Outcome>();

  constructor(input: ExpressionInput, budget: Budget) {
    this.#input = input;
    this.#budget = budget;
  }

  isThere(source: Source): boolean {
    const text = this.#text(source);
    return typeof text === 'string' && text !== 'null';
  }

  value(source: Source, path: readonly string[]): Outcome {
    const text = this.#text(source);
    if (text instanceof Failure) return text;
    const whole = pathText(source, []);
    if (!this.#parsed.has(whole) && !this.#budget.fitsParsing(text.length)) {
      return this.#once(pathText(source, path), () => this.#cut(text, source, path));
    }
    const root = this.#once(whole, () => text);
    if (root instanceof Failure) return root;
    return descend(root, source, path, (value, key) => (isMap(value) ? memberOf(value, key) : undefined));
  }

  /** Texts of the items of the list at a path, as they were written: the digits of a long number survive. */
  itemTexts(source: Source, path: readonly string[]): string[] | Failure {
    const text = this.#text(source);
    const list = text instanceof Failure ? text : this.#cut(text, source, path);
    if (list instanceof Failure) return list;
    if (!this.#budget.scan(list.length)) return this.#budget.exhausted!;
    const elements = elementTexts(list, limits.itemsMax);
    if (elements === null) return new Failure(`${pathText(source, path)} is ${kindOfText(list)}, not a list`);
    return elements.count > limits.itemsMax ? tooManyItems(elements.count) : elements.texts;
  }

  #once(key: string, text: () => string | Failure): Outcome {
    let outcome = this.#parsed.get(key);
    if (outcome === undefined) {
      outcome = this.#parse(text());
      this.#parsed.set(key, outcome);
    }
    return outcome;
  }

  #parse(text: string | Failure): Outcome {
    if (text instanceof Failure) return text;
    return this.#budget.parse(text.length) ? (JSON.parse(text) as Value) : this.#budget.exhausted!;
  }

  #cut(text: string, source: Source, path: readonly string[]): string | Failure {
    return descend(text, source, path, (at, key) => {
      if (!this.#budget.scan(at.length)) return this.#budget.exhausted!;
      return memberText(at, key);
    });
  }

  #text(source: Source): string | Failure {
    if (source.kind === 'context') return this.#input.context;
    const key = pathText(source, []);
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#stepText(source);
      this.#texts.set(key, text);
    }
    return text;
  }

  #stepText({ id, field }: Extract<Source, { kind: 'step' }>): string | Failure {
    const step = this.#input.step(id);
    if (step === null) return new Failure(`there is no step ${JSON.stringify(id)}`);
    if (field === 'result') return step.result ?? 'null';
    return JSON.stringify(field === 'state' ? step.state : (step.error ?? null));
  }
}

export function tooManyItems(items: number): Failure {
  return new Failure(`the list has ${count(items)} items, above ${count(limits.itemsMax)}`);
}

/** Goes down a path by `step`; a member that is not there is a failure that names it. */
function descend<T extends string | Value>(
  root: T,
  source: Source,
  path: readonly string[],
  step: (at: T, key: string) => T | Failure | undefined,
): T | Failure {
  let at = root;
  for (const [depth, key] of path.entries()) {
    const next = step(at, key);
    if (next instanceof Failure) return next;
    if (next === undefined)
      return new Failure(`${pathText(source, path.slice(0, depth + 1))} does not exist`);
    at = next;
  }
  return at;
}

function kindOfText(text: string): string {
  const first = text.trimStart()[0];
  if (first === '{') return 'a map';
  return kindOf(first === '"' ? '' : (JSON.parse(text) as Value));
}
