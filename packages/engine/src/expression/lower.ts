import type { parse } from '@bufbuild/cel';
import { functionNames, functionOf } from './functions.ts';
import { limits } from './limits.ts';
import { operators } from './operations.ts';
import { type Each, type Macro, macros, type Node, type Source, type StepField, stepFields } from './tree.ts';

export type Parsed = ReturnType<typeof parse>;
type Expr = Parsed['expr'];
type Kind<Case extends string> = Extract<Expr['exprKind'], { case: Case }>['value'];

/** What is wrong with an expression, and with which part of it. */
export class ExpressionFault extends Error {
  readonly part: bigint;

  constructor(message: string, part: bigint) {
    super(message);
    this.part = part;
  }
}

interface Scope {
  /** The variable of the comprehension around, if there is one. */
  readonly variable: string | null;
  readonly depth: number;
}

const hyphenHint = 'a step id with hyphens is written steps["process-a"]';

/** Turns the parser's tree into ours: macros as such, names resolved, numbers doubles, the rest refused. */
export class Lowering {
  readonly steps = new Set<string>();
  /** Of these, the steps of which it reads what they have only once they have ended. */
  readonly ends = new Set<string>();
  readonly #macros: Parsed['sourceInfo'];

  constructor(parsed: Parsed) {
    this.#macros = parsed.sourceInfo;
  }

  /** @throws ExpressionFault for what an expression may not say. */
  lower(expr: Expr, scope: Scope = { variable: null, depth: 0 }): Node {
    const inner = { ...scope, depth: scope.depth + 1 };
    if (inner.depth > limits.depthMax) {
      throw new ExpressionFault(`nests deeper than ${limits.depthMax}: break it up`, expr.id);
    }
    const kind = expr.exprKind;
    switch (kind.case) {
      case 'constExpr':
        return { kind: 'literal', value: literal(kind.value, expr.id) };
      case 'identExpr':
        return this.#name(kind.value.name, expr.id, scope);
      case 'selectExpr':
        return this.#select(expr, kind.value, inner);
      case 'callExpr':
        return this.#call(expr, kind.value, inner);
      case 'listExpr':
        return { kind: 'list', of: kind.value.elements.map((element) => this.lower(element, inner)) };
      case 'structExpr':
        return this.#struct(expr, kind.value, inner);
      case 'comprehensionExpr':
        return this.#each(expr, kind.value, inner);
      case undefined:
        throw new ExpressionFault('is not an expression', expr.id);
    }
  }

  #name(name: string, id: bigint, { variable }: Scope): Node {
    if (name === variable) return { kind: 'item' };
    if (name === 'context') return { kind: 'read', source: { kind: 'context' }, path: [] };
    if (name === 'steps') {
      throw new ExpressionFault('"steps" alone cannot be read: name the step, as in steps.charge.result', id);
    }
    throw new ExpressionFault(
      `unknown name "${name}": an expression reads context and steps; ${hyphenHint}`,
      id,
    );
  }

  #select(expr: Expr, select: Kind<'selectExpr'>, scope: Scope): Node {
    if (!select.testOnly)
      return this.#read(expr, scope) ?? this.#member(select.operand!, select.field, scope);
    const path = staticPath(select.operand!, scope);
    if (path?.root === 'steps' && path.keys.length < 2) {
      return { kind: 'isThere', source: this.#source([...path.keys, select.field], expr.id) };
    }
    return { kind: 'has', of: this.lower(select.operand!, scope), key: select.field };
  }

  #member(operand: Expr, key: string, scope: Scope): Node {
    return { kind: 'member', of: this.lower(operand, scope), key };
  }

  /** A path that is known now: it can be cut out of the JSON text. */
  #read(expr: Expr, scope: Scope): Node | null {
    const path = staticPath(expr, scope);
    if (path === null) return null;
    if (path.root === 'context') return { kind: 'read', source: { kind: 'context' }, path: path.keys };
    return { kind: 'read', source: this.#source(path.keys, expr.id), path: path.keys.slice(2) };
  }

  #source([id, field]: readonly string[], part: bigint): Source {
    if (!isStepField(field)) {
      const what = field === undefined ? 'a step is read by its parts' : `a step has no part "${field}"`;
      const parts = stepFields.map((name) => `.${name}`).join(' or ');
      throw new ExpressionFault(`${what}: name ${parts}; ${hyphenHint}`, part);
    }
    this.steps.add(id!);
    if (field !== 'state') this.ends.add(id!);
    return { kind: 'step', id: id!, field };
  }

  #call(expr: Expr, call: Kind<'callExpr'>, scope: Scope): Node {
    const name = call.function;
    const lowered = () => call.args.map((arg) => this.lower(arg, scope));
    if (name === '_[_]') return this.#read(expr, scope) ?? this.#index(lowered());
    if (name === '_&&_') return { kind: 'every', of: lowered() };
    if (name === '_||_') return { kind: 'any', of: lowered() };
    if (name === '_?_:_') {
      const [test, yes, no] = lowered();
      return { kind: 'choice', test: test!, yes: yes!, no: no! };
    }
    const operator = operators.get(name);
    if (operator) return { kind: 'call', name, run: operator, args: lowered() };
    const isMethod = call.target !== undefined;
    const run = functionOf(name, isMethod, call.args.length);
    if (run === null) throw new ExpressionFault(callFault(name, isMethod), expr.id);
    const target = call.target ? [this.lower(call.target, scope)] : [];
    return { kind: 'call', name, run, args: [...target, ...lowered()] };
  }

  #index([of, at]: readonly Node[]): Node {
    return { kind: 'index', of: of!, at: at! };
  }

  #struct(expr: Expr, { messageName, entries }: Kind<'structExpr'>, scope: Scope): Node {
    if (messageName !== '') throw new ExpressionFault(`unknown type "${messageName}"`, expr.id);
    const lowered = entries.map(({ keyKind, value }) => {
      if (keyKind.case !== 'mapKey') throw new ExpressionFault('a key is an expression', expr.id);
      return [this.lower(keyKind.value, scope), this.lower(value!, scope)] as const;
    });
    return { kind: 'map', entries: lowered };
  }

  /** The parser has written a macro out as a loop; what was asked for is found in its step. */
  #each(expr: Expr, loop: Kind<'comprehensionExpr'>, scope: Scope): Each {
    const call = this.#macros?.macroCalls[String(expr.id)]?.exprKind;
    const name = call?.case === 'callExpr' ? call.value.function : '';
    const macro = (name === 'existsOne' ? 'exists_one' : name) as Macro;
    const { iterVar: variable, iterRange, loopStep } = loop;
    if (scope.variable !== null) {
      throw new ExpressionFault(`.${name}() cannot stand inside another comprehension`, expr.id);
    }
    if (variable === 'context' || variable === 'steps' || !macros.includes(macro)) {
      throw new ExpressionFault(`"${variable}" is taken: give the variable another name`, expr.id);
    }
    const step = argsOf(loopStep!);
    const inner = (part: Expr) => this.lower(part, { ...scope, variable });
    const over = this.lower(iterRange!, scope);
    if (macro === 'all' || macro === 'exists')
      return { kind: 'each', macro, over, test: inner(step[1]!), body: null };
    if (macro !== 'map') return { kind: 'each', macro, over, test: inner(step[0]!), body: null };
    const isConditional = call?.case === 'callExpr' && call.value.args.length === 3;
    const appended = isConditional ? argsOf(step[1]!)[1]! : step[1]!;
    const body = inner(elementOf(appended));
    return { kind: 'each', macro, over, test: isConditional ? inner(step[0]!) : null, body };
  }
}

const isStepField = (field: string | undefined): field is StepField =>
  stepFields.some((name) => name === field);

function callFault(name: string, isMethod: boolean): string {
  const written = isMethod ? `.${name}()` : `${name}()`;
  if (name === 'matches') {
    return `${written} is not offered: use .contains(), .startsWith(), .endsWith() or ==`;
  }
  if (name === 'has') return 'has() takes a member, as in has(context.total)';
  return `${written} is unknown, or has other arguments; there are ${functionNames}`;
}

function literal({ constantKind }: Kind<'constExpr'>, id: bigint) {
  switch (constantKind.case) {
    case 'stringValue':
    case 'boolValue':
      return constantKind.value;
    case 'doubleValue':
    case 'int64Value':
    case 'uint64Value':
      return Number(constantKind.value);
    case 'nullValue':
      return null;
    default:
      throw new ExpressionFault('bytes are not offered: write a string', id);
  }
}

interface StaticPath {
  readonly root: 'context' | 'steps';
  readonly keys: readonly string[];
}

/** `context.a["b"]` and the like, keys in order; null when anything in it is computed. */
function staticPath(expr: Expr, { variable }: Scope): StaticPath | null {
  const keys: string[] = [];
  for (let at = expr; ; ) {
    const kind = at.exprKind;
    if (kind.case === 'identExpr') {
      const { name } = kind.value;
      if (name === variable || (name !== 'context' && name !== 'steps')) return null;
      return { root: name, keys: keys.reverse() };
    }
    if (kind.case === 'selectExpr' && !kind.value.testOnly) {
      keys.push(kind.value.field);
      at = kind.value.operand!;
      continue;
    }
    const key =
      kind.case === 'callExpr' && kind.value.function === '_[_]' ? textOf(kind.value.args[1]!) : null;
    if (key === null) return null;
    keys.push(key);
    at = argsOf(at)[0]!;
  }
}

function textOf({ exprKind }: Expr): string | null {
  const constant = exprKind.case === 'constExpr' ? exprKind.value.constantKind : null;
  return constant?.case === 'stringValue' ? constant.value : null;
}

const argsOf = ({ exprKind }: Expr): Expr[] => (exprKind.case === 'callExpr' ? exprKind.value.args : []);

const elementOf = (expr: Expr): Expr =>
  expr.exprKind.case === 'listExpr' ? expr.exprKind.value.elements[0]! : expr;
