import type { Send } from './http.ts';
import type { Page, RunStatus } from './run.ts';
import type { Schedule, ScheduleInput, ScheduleSummary } from './schedule.ts';
import type { IdempotencyOptions, PageFilter } from './workflows.ts';

/** Every method rejects with `ApiError` when the API refuses and with `NetworkError` when it cannot be reached. */
export interface Schedules {
  /** Rejects with `schedule_exists` when there is one of this id. */
  create(schedule: ScheduleInput, options?: IdempotencyOptions): Promise<Schedule>;
  /** Creates or replaces it; one that is paused stays paused. */
  put(schedule: ScheduleInput): Promise<Schedule>;
  get(id: string): Promise<Schedule>;
  list(filter?: PageFilter): Promise<Page<ScheduleSummary>>;
  /** Its runs stay. */
  delete(id: string): Promise<void>;
  /** Nothing is started until `resume`, and nothing of that caught up with. */
  pause(id: string, options?: IdempotencyOptions): Promise<Schedule>;
  resume(id: string, options?: IdempotencyOptions): Promise<Schedule>;
  /** A run now, whatever pause and overlap say. */
  trigger(id: string, options?: IdempotencyOptions): Promise<RunStatus>;
}

export function createSchedules(send: Send): Schedules {
  const command = <T>(id: string, verb: string, { idempotencyKey }: IdempotencyOptions = {}) =>
    send<T>({ method: 'POST', path: `${schedulePath(id)}/${verb}`, body: {}, idempotencyKey });

  return {
    create: (schedule, { idempotencyKey } = {}) =>
      send({ method: 'POST', path: '/v1/schedules', body: schedule, idempotencyKey }),
    put: (schedule) => send({ method: 'PUT', path: schedulePath(schedule.id), body: schedule }),
    get: (id) => send({ method: 'GET', path: schedulePath(id) }),
    list: ({ limit, cursor } = {}) =>
      send({ method: 'GET', path: '/v1/schedules', query: { limit, cursor } }),
    delete: (id) => send({ method: 'DELETE', path: schedulePath(id) }),
    pause: (id, options) => command(id, 'pause', options),
    resume: (id, options) => command(id, 'resume', options),
    trigger: (id, options) => command(id, 'trigger', options),
  };
}

function schedulePath(id: string): string {
  return `/v1/schedules/${encodeURIComponent(id)}`;
}
