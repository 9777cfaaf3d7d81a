import { parse } from '@bufbuild/cel';
import { count } from './budget.ts';
import { limits } from './limits.ts';
import { ExpressionFault, Lowering, type Parsed } from './lower.ts';
import type { Node } from './tree.ts';

/** A CEL expression that was accepted: it evaluates within bounds, over whatever data. */
export interface Expression {
  readonly text: string;
  /** Ids of the steps that it reads, each once. */
  readonly steps: readonly string[];
  /** Of these, the steps whose `result` or `error` it reads, or looks for. */
  readonly ends: readonly string[];
  readonly tree: Node;
}

export type Compiled = { readonly expression: Expression } | { readonly fault: string };

/** Reads CEL over `context` and `steps`. A fault says where it is, as in "line 1, column 9: …". Never throws. */
export function compileExpression(text: string): Compiled {
  if (text.length > limits.charsMax) {
    return { fault: `has ${count(text.length)} characters, above ${count(limits.charsMax)}` };
  }
  const deep = deepBracket(text);
  if (deep !== null) {
    return { fault: `${position(text, deep)}: brackets nest deeper than ${limits.bracketDepthMax}` };
  }
  let parsed: Parsed;
  try {
    parsed = parse(text);
  } catch (error) {
    return { fault: syntaxFault(text, error) };
  }
  return lowered(text, parsed);
}

function lowered(text: string, parsed: Parsed): Compiled {
  const lowering = new Lowering(parsed);
  try {
    const tree = lowering.lower(parsed.expr);
    return { expression: { text, steps: [...lowering.steps], ends: [...lowering.ends], tree } };
  } catch (error) {
    if (!(error instanceof ExpressionFault)) return { fault: syntaxFault(text, error) };
    const offset = parsed.sourceInfo?.positions[String(error.part)] ?? 0;
    return { fault: `${position(text, offset)}: ${error.message}` };
  }
}

/** Comments, raw literals, other literals; else one character. A literal that does not end is a syntax fault anyway. */
const tokens = new RegExp(
  [
    /\/\/[^\n]*/,
    /(?:[rR][bB]?|[bB][rR])(?:""".*?"""|'''.*?'''|"[^"\n]*"|'[^'\n]*')/,
    /"""(?:\\.|[^\\])*?"""|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/,
    /./,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gs',
);

/** Offset of the first bracket that is too deep, literals and comments passed over; null without one. */
function deepBracket(text: string): number | null {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === '(' || token === '[' || token === '{') depth++;
    else if (token === ')' || token === ']' || token === '}') depth--;
    if (depth > limits.bracketDepthMax) return index;
  }
  return null;
}

function position(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n?|\n/);
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
}

/** The parser's own list of what it had expected is long and says little: what it found is enough. */
function syntaxFault(text: string, error: unknown): string {
  const { location, found, rawMessage, message } = error as Partial<ParserError>;
  const offset = location?.start.offset ?? 0;
  const what =
    found === undefined
      ? (rawMessage ?? message ?? 'is not CEL')
      : `${rest(text, offset)} is not expected here`;
  return `${position(text, offset)}: ${what}`;
}

/** What the parser throws; it does not export the type. */
interface ParserError extends Error {
  readonly location: { readonly start: { readonly offset: number } };
  readonly rawMessage: string;
  readonly found: string;
}

function rest(text: string, offset: number): string {
  const shown = text.slice(offset, offset + 20);
  return shown === '' ? 'the end' : JSON.stringify(shown);
}
