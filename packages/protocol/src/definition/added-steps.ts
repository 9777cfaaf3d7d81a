import {
  type DefinitionFault,
  type FailurePolicy,
  findGraphFaults,
  type StepDefinition,
} from '@waybill/engine';
import { zodFaults } from '../faults.ts';
import { type DefinitionLimits, limitOf } from '../limits.ts';
import { type DefinitionChecks, findStepTargetFaults, isRecord } from './checks.ts';
import { createGraph, type Graph, type GraphNode, listOf, nodesOf } from './graph.ts';
import { findKindFaults } from './kinds.ts';
import { findStepLimitFaults } from './limit-faults.ts';
import { normaliseStep } from './normalise.ts';
import {
  compileFields,
  findExpressionFaults,
  findInProgressFaults,
  findReferenceFaults,
} from './references.ts';
import { addedStepsSchema, type ParsedAddedSteps } from './schema.ts';
import { findSenselessStepFields } from './senseless.ts';
import { type Defaults, withDefaults } from './step-defaults.ts';
import type { ParsedStep } from './step-schema.ts';
import { findTimeFaults, type Timed, timedOf } from './times.ts';

export interface AddedStepsOptions {
  /** Steps of the run, in order, those included that were added before. */
  readonly steps: readonly StepDefinition[];
  /** The step that answers: parent of those that name neither `parent` nor `dependsOn`. */
  readonly parent?: string;
  /** The workflow's, which holds for steps that name none. */
  readonly failurePolicy: FailurePolicy;
  /** The run's definition: one of its steps that is sent again means what it meant there. */
  readonly definition?: Original;
  /** What is known of the run's time: for delays and sleeps of the new steps, which must be over within it. */
  readonly time?: RunTime;
  /** What paths of faults start with; `steps` when absent. */
  readonly root?: string;
}

export interface Original {
  readonly hasStep: (id: string) => boolean;
  /** What `defaults` the definition was sent with. */
  readonly defaults: Defaults;
}

export interface RunTime {
  /** Seconds since the run's start. */
  readonly elapsed: number;
  /** Seconds. */
  readonly timeout: number;
  /** Those of `steps`, in order. */
  readonly timed: () => readonly Timed[];
}

export type AddedStepsResult =
  | { readonly steps: StepDefinition[] }
  | { readonly faults: readonly DefinitionFault[] };

/**
 * Validates steps that are added to a run, as those of a definition are. A step whose id the run has already is
 * no fault here: whether it is the same one is for the engine to say.
 */
export function parseAddedSteps(
  input: unknown,
  checks: DefinitionChecks,
  options: AddedStepsOptions,
): AddedStepsResult {
  const { root = 'steps' } = options;
  const fault = listFault(input, options.steps, checks.limits);
  if (fault !== null) return { faults: [{ ...fault, path: root }] };
  const sent = input as unknown[];
  const parsed = addedStepsSchema.safeParse(sent);
  const steps = parsed.data?.map((step) => {
    return withParent(step, options.definition?.hasStep(step.id) ? undefined : options.parent);
  });
  const faults = [
    ...(steps ? findSenselessStepFields(steps, (step) => defaultsOf(step, options)) : []),
    ...(parsed.error ? zodFaults(parsed.error).map(belowSteps) : []),
    ...findKindFaults(sent),
    ...betweenFaults(sent, steps, options),
    ...findStepLimitFaults(sent, checks.limits, checks.now()),
    ...findStepTargetFaults(sent, checks),
  ];
  if (faults.length > 0 || !steps) return { faults: faults.map((found) => relocated(found, root)) };
  return { steps: steps.map((step) => addedStep(step, checks.baseUrl, options)) };
}

function listFault(
  input: unknown,
  steps: readonly StepDefinition[],
  limits: DefinitionLimits,
): Omit<DefinitionFault, 'path'> | null {
  if (!Array.isArray(input) || input.length === 0) return { message: 'must be a list of one or more steps' };
  const { stepsMax } = limits;
  const ids = new Set<unknown>(steps.map(({ id }) => id));
  const added = input.filter((step: unknown) => !(isRecord(step) && ids.has(step.id)));
  const total = steps.length + added.length;
  if (input.length <= stepsMax && total <= stepsMax) return null;
  const message = `${total} steps with those of the run, above stepsMax ${stepsMax}`;
  return { message, limit: limitOf(limits, 'stepsMax') };
}

function withParent(
  { parent, ...step }: ParsedAddedSteps[number],
  answering: string | undefined,
): ParsedStep {
  const above = parent ?? (step.dependsOn === undefined ? answering : undefined);
  if (above === undefined) return step;
  return { ...step, dependsOn: [above, ...listOf(step.dependsOn).filter((id) => id !== above)] };
}

/** What is between the new steps, and between them and those of the run, in whatever was sent. */
function betweenFaults(
  sent: readonly unknown[],
  parsed: readonly ParsedStep[] | undefined,
  { steps, parent, definition, time }: AddedStepsOptions,
): DefinitionFault[] {
  const listed = nodesOf(sent);
  const added = listed.map((node, index) =>
    withParentLast(node, sent[index], definition?.hasStep(node.id) ? undefined : parent),
  );
  const ids = new Set(added.map(({ id }) => id));
  const isOther = ({ id }: GraphNode) => !ids.has(id);
  const nodes = [...added, ...steps.filter(isOther)];
  const graphFaults = findGraphFaults(nodes);
  const fields = compileFields(sent);
  const graph = graphFaults.length === 0 ? createGraph(nodes) : null;
  return [
    ...graphFaults.map((fault) => ofParent(fault, listed)),
    ...findExpressionFaults(fields),
    ...findInProgressFaults(
      sent.map((step, index) => (isRecord(step) ? { ...step, dependsOn: added[index]!.dependsOn } : step)),
      fields,
    ),
    ...(graph ? findReferenceFaults(sent, fields, graph) : []),
    ...(graph && parsed && time ? timeFaults(parsed, steps, { graph, time, isOther }) : []),
  ];
}

/** Steps that the run has already were judged when they came to it. */
function timeFaults(
  fresh: readonly ParsedStep[],
  steps: readonly StepDefinition[],
  { graph, time, isOther }: { graph: Graph; time: RunTime; isOther: (step: GraphNode) => boolean },
): DefinitionFault[] {
  const isTimed = ({ delay, sleep, waitFor }: ParsedStep) => (delay ?? sleep ?? waitFor) !== undefined;
  if (!fresh.some(isTimed)) return [];
  const timed = time.timed();
  const known = new Map(steps.map(({ id }, index) => [id, timed[index]!]));
  const all = [
    ...fresh.map((step) => known.get(step.id) ?? { ...timedOf(step), from: time.elapsed }),
    ...steps.filter(isOther).map(({ id }) => known.get(id)!),
  ];
  const faults = findTimeFaults(all, graph, time.timeout, fresh.length);
  return faults.filter(({ path }) => !known.has(fresh[Number(/\d+/.exec(path))]!.id));
}

/** Last, so that the places of the others are those that were sent. */
function withParentLast(node: GraphNode, step: unknown, answering: string | undefined): GraphNode {
  const named = isRecord(step) && typeof step.parent === 'string' ? step.parent : undefined;
  const isAlone = isRecord(step) && step.dependsOn === undefined;
  const above = named ?? (isAlone ? answering : undefined);
  if (above === undefined || node.dependsOn.includes(above)) return node;
  return { ...node, dependsOn: [...node.dependsOn, above] };
}

/** A fault of the dependency past the last one that was listed is one of `parent`. */
function ofParent(fault: DefinitionFault, listed: readonly GraphNode[]): DefinitionFault {
  const [, index, at] = /^steps\[(\d+)\]\.dependsOn\[(\d+)\]$/.exec(fault.path) ?? [];
  if (at === undefined || Number(at) < listed[Number(index)]!.dependsOn.length) return fault;
  return { ...fault, path: `steps[${index}].parent` };
}

const belowSteps = (fault: DefinitionFault): DefinitionFault => ({ ...fault, path: `steps${fault.path}` });

function relocated({ path, message, limit }: DefinitionFault, root: string): DefinitionFault {
  return {
    ...(limit ? { limit } : {}),
    path: path.replace(/^steps/, root),
    message: message.replace('used by steps[', `used by ${root}[`),
  };
}

function addedStep(step: ParsedStep, baseUrl: string | null, options: AddedStepsOptions): StepDefinition {
  const { failurePolicy } = options;
  return normaliseStep(withDefaults(step, defaultsOf(step, options)), { baseUrl, failurePolicy });
}

/** Those of the definition for its own steps, so that the engine sees whether such a step is the same one. */
function defaultsOf({ id }: ParsedStep, { definition }: AddedStepsOptions): Defaults {
  return definition?.hasStep(id) ? definition.defaults : { parallel: true };
}
