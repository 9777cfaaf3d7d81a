import { type Callbacks, createCallbacks } from './callbacks.ts';
import { createSend } from './http.ts';
import { createJobs, type Jobs } from './jobs.ts';
import { createSchedules, type Schedules } from './schedules.ts';
import { settingsOf, type WaybillOptions } from './settings.ts';
import { createWorkflows, type Workflows } from './workflows.ts';

/** The client of a Waybill server, and the helpers for the handlers that it calls. */
export class Waybill {
  readonly workflows: Workflows;
  readonly schedules: Schedules;
  readonly jobs: Jobs;
  readonly callbacks: Callbacks;

  constructor(options: WaybillOptions = {}) {
    const settings = settingsOf(options);
    const send = createSend(settings);
    this.workflows = createWorkflows(send, settings);
    this.schedules = createSchedules(send);
    this.jobs = createJobs(settings);
    this.callbacks = createCallbacks(send);
  }
}
