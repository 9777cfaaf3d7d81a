export { type Compiled, compileExpression, type Expression } from './compile.ts';
export type { ExpressionInput } from './documents.ts';
export { evaluateCondition, evaluateList } from './evaluate.ts';
export { canGive, type ResultKind } from './result-kind.ts';
