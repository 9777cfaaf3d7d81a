import type { StepDefinition } from '@waybill/engine';
import type { ParsedStep } from './step-schema.ts';

/** Which fields that were sent say what a stored field holds, where it is not the one of the same name. */
const saidBy: Partial<Record<keyof StepDefinition, readonly (keyof ParsedStep)[]>> = {
  runCondition: ['runCondition', 'runAfterFailure'],
  failurePolicy: ['failurePolicy', 'continueOnFailure'],
};
const unsaidBy = { ...saidBy, join: ['join'], delivery: ['delivery'] } as Record<
  string,
  readonly (keyof ParsedStep)[]
>;
const merged: ReadonlySet<string> = new Set(['retries', 'headers', 'metadata']);

/**
 * A step of the definition that is sent again, as it is to be compared with what is stored: what it does not say it
 * has from the `defaults` of the definition, which are part of the stored step and of nothing else.
 */
export function repeated(stored: StepDefinition, sent: ParsedStep, added: StepDefinition): StepDefinition {
  const step: Record<string, unknown> = { ...stored };
  for (const [key, value] of Object.entries(added)) {
    const sources = saidBy[key as keyof StepDefinition] ?? [key as keyof ParsedStep];
    if (sources.every((source) => sent[source] === undefined)) continue;
    const own = sent[key as keyof ParsedStep];
    step[key] = merged.has(key) ? { ...(step[key] as object), ...(own as object) } : value;
  }
  // What it says that is stored as nothing, such as `runAfterFailure: false`, contradicts what is stored of it.
  for (const [key, sources] of Object.entries(unsaidBy)) {
    if (!(key in added) && sources.some((source) => sent[source] !== undefined)) delete step[key];
  }
  return step as unknown as StepDefinition;
}
