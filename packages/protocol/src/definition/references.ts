import {
  type Compiled,
  canGive,
  compileExpression,
  type DefinitionFault,
  type Expression,
} from '@waybill/engine';
import { isRecord } from './checks.ts';
import { type AncestorQuery, findNoAncestors, type Graph, listOf } from './graph.ts';

interface Reference {
  /** Place among all steps of the graph. */
  readonly index: number;
  readonly path: string;
  readonly id: string;
}

/** A `when` or a `forEach` of whatever was sent. */
export interface ExpressionField {
  readonly index: number;
  readonly path: string;
  readonly compiled: Compiled;
}

/** The expressions of whatever was sent as steps, each text compiled once. */
export function compileFields(steps: readonly unknown[]): ExpressionField[] {
  const byText = new Map<string, Compiled>();
  const compile = (text: string): Compiled => {
    const compiled = byText.get(text) ?? compileExpression(text);
    byText.set(text, compiled);
    return compiled;
  };
  return steps.flatMap((step, index) => {
    if (!isRecord(step)) return [];
    return ['when', 'forEach'].flatMap((field) => {
      const text = step[field];
      if (typeof text !== 'string') return [];
      return [{ index, path: `steps[${index}].${field}`, compiled: compile(text) }];
    });
  });
}

export function findExpressionFaults(fields: readonly ExpressionField[]): DefinitionFault[] {
  return fields.flatMap(({ path, compiled }) => {
    const message = 'fault' in compiled ? compiled.fault : kindFault(path, compiled.expression.tree);
    return message === null ? [] : [{ path, message }];
  });
}

function kindFault(path: string, tree: Expression['tree']): string | null {
  if (path.endsWith('.forEach')) {
    return canGive(tree, 'list')
      ? null
      : 'is never a list: write one that gives the items, as in context.items';
  }
  return canGive(tree, 'bool') ? null : 'is never true or false: compare it, as in context.total > 100';
}

/** A step that starts beside its only dependency reads what that has only once it has ended. */
export function findInProgressFaults(
  steps: readonly unknown[],
  fields: readonly ExpressionField[],
): DefinitionFault[] {
  return fields.flatMap(({ index, path, compiled }) => {
    const step = steps[index];
    if ('fault' in compiled || !isRecord(step) || step.runCondition !== 'inProgress') return [];
    const [only, another] = listOf(step.dependsOn);
    if (only === undefined || another !== undefined || !compiled.expression.ends.includes(only)) return [];
    const message = `step "${only}" has no result yet when a step of runCondition "inProgress" starts: read its state, or use another runCondition`;
    return [{ path, message }];
  });
}

/**
 * Steps that `when`, `forEach` and `input` name and that are not above the step which does. `graph` has the
 * steps from place `offset` on.
 */
export function findReferenceFaults(
  steps: readonly unknown[],
  fields: readonly ExpressionField[],
  graph: Graph,
  offset = 0,
): DefinitionFault[] {
  const references = [...expressionReferences(fields), ...inputReferences(steps)];
  const queries: (AncestorQuery & Reference)[] = [];
  const unknown: Reference[] = [];
  for (const reference of references) {
    const above = graph.indexOf.get(reference.id);
    if (above === undefined) unknown.push(reference);
    else queries.push({ ...reference, index: reference.index + offset, above });
  }
  return [
    ...unknown.map(({ path, id }) => ({ path, message: `unknown step "${id}"` })),
    ...findNoAncestors(graph, queries).map(({ path, id, index }) => ({
      path,
      message: `step "${id}" is not above "${graph.ids[index]}": add it to dependsOn, or do not read it`,
    })),
  ];
}

function expressionReferences(fields: readonly ExpressionField[]): Reference[] {
  return fields.flatMap(({ index, path, compiled }) =>
    'fault' in compiled ? [] : compiled.expression.steps.map((id) => ({ index, path, id })),
  );
}

function inputReferences(steps: readonly unknown[]): Reference[] {
  return steps.flatMap((step, index) => {
    const input: unknown = isRecord(step) ? step.input : null;
    if (!Array.isArray(input)) return [];
    return input.flatMap((id: unknown, at) =>
      typeof id === 'string' ? [{ index, path: `steps[${index}].input[${at}]`, id }] : [],
    );
  });
}
