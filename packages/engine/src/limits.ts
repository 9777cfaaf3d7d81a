/** A bound that something is above, as refusals carry it. */
export interface Limit {
  readonly name: string;
  readonly value: number;
}

/** Bounds of one run that only decisions look at: what is in a journal was within those of its time. */
export interface EngineLimits {
  /** Steps of a run; instances of a `forEach` count. */
  readonly stepsMax: number;
  /** Sub-workflows in each other, the outermost run included. */
  readonly subWorkflowDepthMax: number;
}

export const defaultEngineLimits: EngineLimits = { stepsMax: 10_000, subWorkflowDepthMax: 10 };
