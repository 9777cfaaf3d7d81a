import type { Delivery, Plan, StepError } from '@waybill/engine';
import { derivedUuid, freshStateBytes, idOfUuid, type Limits, limitOf } from '@waybill/protocol';
import type { NewChild } from '@waybill/store';
import type { DriverContext } from './driver-context.ts';
import type { RunDriver } from './run-driver.ts';

export interface FoundWorkflow {
  readonly plan: Plan;
  readonly version: number;
}

/** A sub-workflow step is due: the commit that starts it also creates the run that it is. */
export async function startChild(
  driver: RunDriver,
  delivery: Delivery,
  context: Pick<DriverContext, 'findWorkflow' | 'clock' | 'limits'>,
): Promise<void> {
  const { id: step, definition } = driver.state.plan.steps[delivery.index]!;
  const { workflow } = definition;
  const found = await context.findWorkflow(driver.project.uuid, workflow!);
  if (driver.isDiscarded || delivery.open) return;
  if (!found) {
    const error = { code: 'unknown_workflow', message: `no workflow "${workflow}"` };
    driver.apply({ type: 'startChild', step, child: { error } });
    return;
  }
  const child = newChild(driver, delivery, found, context.clock.now());
  const error = contextError(child.run.context, context.limits);
  if (error !== null) {
    driver.apply({ type: 'startChild', step, child: { error } });
    return;
  }
  driver.apply({ type: 'startChild', step, child: { id: child.id } }, { child });
}

/** A payload is held to what a run may be started with by anybody. */
function contextError(context: string, limits: Pick<Limits, 'contextBytesMax'>): StepError | null {
  const bytes = Buffer.byteLength(context);
  const limit = limitOf(limits, 'contextBytesMax');
  if (bytes <= limit.value) return null;
  const message = `the context of the run has ${bytes} bytes, above contextBytesMax ${limit.value}`;
  return { code: 'context_too_large', message, details: { limit } };
}

/** The run that a sub-workflow step becomes. Its context is the step's payload, else that of its parent. */
export function newChild(
  { state, info, project }: RunDriver,
  { index, round, attempts }: Delivery,
  { plan, version }: FoundWorkflow,
  now: number,
): NewChild & { readonly id: string } {
  const { id: step, definition } = state.plan.steps[index]!;
  const uuid = derivedUuid(now, `${info.id}:${index}:${round}:${attempts}`);
  const { tags = [], metadata } = plan.definition;
  const context = definition.payload === undefined ? info.context : JSON.stringify(definition.payload);
  const parent = { run: info.id, step, round, depth: (state.parent?.depth ?? 0) + 1 };
  return {
    id: idOfUuid('run', uuid),
    uuid,
    run: {
      projectUuid: project.uuid,
      workflowKey: plan.definition.id,
      version,
      context,
      stateBytes: freshStateBytes(plan, context),
      tags,
      metadata: metadata ? JSON.stringify(metadata) : null,
      createdAtMs: now,
      startedAtMs: null,
    },
    event: { type: 'run.created', at: now, parent },
  };
}
