import type { DefinitionFault } from '@waybill/engine';
import { isRecord } from './checks.ts';

/** What a step does: a request to its URL, or one of the three that send nothing. */
export const stepKinds = ['url', 'sleep', 'waitFor', 'workflow'] as const;
export type StepKind = (typeof stepKinds)[number];

type Kinds = Partial<Record<StepKind, unknown>>;

export const kindsOf = (step: Kinds): StepKind[] => stepKinds.filter((kind) => step[kind] !== undefined);

/** Whether it makes requests: all the settings of requests apply to it. One that says nothing was meant to. */
export const isRequest = (step: Kinds): boolean => kindsOf(step).every((kind) => kind === 'url');

/** Faults of whatever was sent as steps, so that they are named even beside faults of shape. */
export function findKindFaults(steps: readonly unknown[]): DefinitionFault[] {
  return steps.flatMap((step, index) => {
    const kinds = isRecord(step) ? kindsOf(step) : ['url' as const];
    if (kinds.length === 1) return [];
    if (kinds.length === 0) {
      const message = 'missing: a step has a url, or instead of it sleep, waitFor or workflow';
      return [{ path: `steps[${index}].url`, message }];
    }
    const message = `${kinds.join(' and ')} exclude each other: a step does one thing; make two steps of it`;
    return [{ path: `steps[${index}].${kinds.at(-1)}`, message }];
  });
}
