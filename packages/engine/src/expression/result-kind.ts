import type { Node, Source } from './tree.ts';

/** What the field that an expression stands in needs: `when` a bool, `forEach` a list. */
export type ResultKind = 'bool' | 'list';

/** Calls that give a bool, whatever they are given. */
const judging: ReadonlySet<string> = new Set([
  ...['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in', '!_'],
  ...['contains', 'startsWith', 'endsWith'],
]);

/** Whether the value can be of that kind; what is read from data can be of any. */
export function canGive(node: Node, kind: ResultKind): boolean {
  switch (node.kind) {
    case 'literal':
      return kind === 'bool' ? typeof node.value === 'boolean' : Array.isArray(node.value);
    case 'read':
      return canHold(node.source, node.path.length);
    case 'item':
    case 'member':
    case 'index':
      return true;
    case 'isThere':
    case 'has':
    case 'any':
    case 'every':
      return kind === 'bool';
    case 'call':
      return kind === 'bool' ? judging.has(node.name) : node.name === '_+_';
    case 'choice':
      return canGive(node.yes, kind) || canGive(node.no, kind);
    case 'list':
      return kind === 'list';
    case 'map':
      return false;
    case 'each':
      return (node.macro === 'filter' || node.macro === 'map') === (kind === 'list');
  }
}

/** The context is an object, the state of a step is text, and an error is an object or null; below them is anything. */
function canHold(source: Source, depth: number): boolean {
  if (source.kind === 'context') return depth > 0;
  if (source.field === 'result') return true;
  return source.field === 'error' && depth > 0;
}
