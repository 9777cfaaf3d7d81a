import {
  compilePlan,
  defaultRetryPolicy,
  type Outcome,
  type Plan,
  type StepDefinition,
  type WorkflowDefinition,
} from '../src/index.ts';

/** What expressions of the tests read. */
export const context = '{"yes":true,"no":false,"items":[1,2,3],"none":[]}';

/** A step with defaults; `retries` waits fixed seconds so that expected times can be read off. */
export function step(id: string, fields: Partial<StepDefinition> = {}): StepDefinition {
  const retries = { ...defaultRetryPolicy, backoff: 'fixed', jitter: false } as const;
  return {
    id,
    url: `https://handlers.test/${id}`,
    dependsOn: [],
    parallel: false,
    retries,
    timeout: 300,
    ...fields,
  };
}

export function workflow(
  steps: readonly StepDefinition[],
  fields: Partial<WorkflowDefinition> = {},
): WorkflowDefinition {
  return { id: 'flow', steps, timeout: 86_400, saga: false, failurePolicy: 'fail', ...fields };
}

export function planOf(steps: readonly StepDefinition[], fields: Partial<WorkflowDefinition> = {}): Plan {
  return compilePlan(workflow(steps, fields));
}

export const success: Outcome = { kind: 'success', status: 200, result: '{"ok":true}' };
export const transient = failure(true);
export const permanent = failure(false);

function failure(retryable: boolean): Outcome {
  const error = { code: 'http_status', message: 'the handler said no', status: retryable ? 500 : 400 };
  return { kind: 'failure', retryable, error, status: error.status };
}
