import type { Node, Source } from './tree.ts';
import type { Value } from './value.ts';

/** What the field that an expression stands in needs: `when` a bool, `forEach` a list. */
export type ResultKind = 'bool' | 'list';

type Kind = ResultKind | 'null' | 'number' | 'string' | 'map';
/** What a value may turn out to be. Nothing at all is an expression that can only fail. */
type Kinds = ReadonlySet<Kind>;

const kinds = (...of: readonly Kind[]): Kinds => new Set(of);
const never = kinds();
const anything = kinds('null', 'bool', 'number', 'string', 'list', 'map');

/** Whether the value can be of that kind; what is read from data can be of any. */
export function canGive(node: Node, kind: ResultKind): boolean {
  return kindsOf(node).has(kind);
}

/** What is asked of a node may be asked again of its parts: without this, twice as often at every level. */
const known = new WeakMap<Node, Kinds>();

function kindsOf(node: Node): Kinds {
  const before = known.get(node);
  if (before) return before;
  const found = findKinds(node);
  known.set(node, found);
  return found;
}

function findKinds(node: Node): Kinds {
  switch (node.kind) {
    case 'literal':
      return kinds(kindOf(node.value));
    case 'read':
      return readable(node.source, node.path.length);
    case 'item':
      return anything;
    case 'member':
      return entriesOf(node.of, node.key);
    case 'index':
      return node.at.kind === 'literal' ? placeOf(node.of, node.at.value) : placesOf(node.of, node.at);
    case 'isThere':
      return kinds('bool');
    case 'has':
      return given(kindsOf(node.of).has('map'), 'bool');
    case 'any':
    case 'every':
      return given(
        node.of.some((part) => canGive(part, 'bool')),
        'bool',
      );
    case 'call':
      return called(node.name, node.args.map(kindsOf));
    case 'choice':
      return canGive(node.test, 'bool') ? united([node.yes, node.no]) : never;
    case 'list':
      return given(node.of.every(isPossible), 'list');
    case 'map':
      return given(
        node.entries.every(([key, value]) => kindsOf(key).has('string') && isPossible(value)),
        'map',
      );
    case 'each':
      return given(
        hasOneOf(kindsOf(node.over), ['list', 'map']),
        node.macro === 'filter' || node.macro === 'map' ? 'list' : 'bool',
      );
  }
}

function called(name: string, [first, second]: readonly Kinds[]): Kinds {
  return calls[name]?.(first!, second ?? never) ?? anything;
}

/** By operator and function: what they give to values of such kinds. */
const calls: Readonly<Record<string, (left: Kinds, right: Kinds) => Kinds>> = {
  '!_': (of) => given(of.has('bool'), 'bool'),
  '-_': (of) => given(of.has('number'), 'number'),
  '_+_': (left, right) => shared(left, right, ['number', 'string', 'list']),
  '_-_': arithmetic,
  '_*_': arithmetic,
  '_/_': arithmetic,
  '_%_': arithmetic,
  '_==_': equality,
  '_!=_': equality,
  '_<_': comparison,
  '_<=_': comparison,
  '_>_': comparison,
  '_>=_': comparison,
  '@in': (left, right) => given(left.size > 0 && hasOneOf(right, ['list', 'map']), 'bool'),
  size: (of) => given(hasOneOf(of, ['string', 'list', 'map']), 'number'),
  string: (of) => given(hasOneOf(of, ['string', 'number', 'bool']), 'string'),
  double: toNumber,
  int: toNumber,
  contains: textMethod,
  startsWith: textMethod,
  endsWith: textMethod,
};

function arithmetic(left: Kinds, right: Kinds): Kinds {
  return shared(left, right, ['number']);
}

function equality(left: Kinds, right: Kinds): Kinds {
  return given(left.size > 0 && right.size > 0, 'bool');
}

function comparison(left: Kinds, right: Kinds): Kinds {
  return given(shared(left, right, ['number', 'string', 'bool']).size > 0, 'bool');
}

function toNumber(of: Kinds): Kinds {
  return given(hasOneOf(of, ['number', 'string']), 'number');
}

function textMethod(text: Kinds, part: Kinds): Kinds {
  return given(text.has('string') && part.has('string'), 'bool');
}

/** The context is an object, the state of a step is text, and an error is an object or null; below them is anything. */
function readable(source: Source, depth: number): Kinds {
  if (source.kind === 'context') return depth > 0 ? anything : kinds('map');
  if (source.field === 'state') return depth > 0 ? never : kinds('string');
  return source.field === 'error' && depth === 0 ? kinds('map', 'null') : anything;
}

function placeOf(of: Node, at: Value): Kinds {
  if (typeof at === 'string') return entriesOf(of, at);
  if (typeof at !== 'number' || !kindsOf(of).has('list')) return never;
  if (of.kind !== 'list') return anything;
  const item = of.of[at];
  return item === undefined ? never : kindsOf(item);
}

/** Of a place that is computed. */
function placesOf(of: Node, at: Node): Kinds {
  if (of.kind === 'list') return kindsOf(at).has('number') ? united(of.of) : never;
  return hasOneOf(kindsOf(of), ['list', 'map']) && isPossible(at) ? anything : never;
}

function entriesOf(of: Node, key: string): Kinds {
  if (!kindsOf(of).has('map')) return never;
  if (of.kind !== 'map') return anything;
  const isOther = (name: Node) => name.kind === 'literal' && name.value !== key;
  return united(of.entries.filter(([name]) => !isOther(name)).map(([, value]) => value));
}

function kindOf(value: Value): Kind {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'object') return Array.isArray(value) ? 'list' : 'map';
  return typeof value === 'number' ? 'number' : 'string';
}

const isPossible = (node: Node) => kindsOf(node).size > 0;
const given = (isSo: boolean, kind: Kind): Kinds => (isSo ? kinds(kind) : never);
const hasOneOf = (of: Kinds, some: readonly Kind[]) => some.some((kind) => of.has(kind));
const united = (nodes: readonly Node[]): Kinds => new Set(nodes.flatMap((node) => [...kindsOf(node)]));

/** Those of `some` that both can be. */
function shared(left: Kinds, right: Kinds, some: readonly Kind[]): Kinds {
  return new Set(some.filter((kind) => left.has(kind) && right.has(kind)));
}
