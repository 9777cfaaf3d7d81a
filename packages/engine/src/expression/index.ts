export interface Expression {
  readonly text: string;
  readonly steps: readonly string[];
}
export type Compiled = { readonly expression: Expression } | { readonly fault: string };
export interface ExpressionInput {
  readonly context: string;
  step(id: string): { state: string; result: string | null; error: unknown } | null;
}
export function compileExpression(text: string): Compiled {
  return { expression: { text, steps: [] } };
}
export function evaluateCondition(
  e: Expression,
  input: ExpressionInput,
): { value: boolean } | { error: string } {
  const v: unknown = JSON.parse(input.context)[e.text.replace('context.', '')];
  return typeof v === 'boolean' ? { value: v } : { error: 'no bool' };
}
export function evaluateList(e: Expression, input: ExpressionInput): { items: string[] } | { error: string } {
  const v: unknown = JSON.parse(input.context)[e.text.replace('context.', '')];
  return Array.isArray(v) ? { items: v.map((x) => JSON.stringify(x)) } : { error: 'no list' };
}
