import { compilePlan, type Plan, type WorkflowDefinition } from '@waybill/engine';
import type { Database } from './database.ts';
import { findVersion } from './workflows.ts';

const plansMax = 1000;

/** Plans are immutable by version, so a cached one is never stale. */
export class PlanCache {
  readonly #plans = new Map<string, Promise<Plan | null>>();

  /** Remembers a plan that the caller has compiled already. */
  put(projectUuid: string, plan: Plan, version: number): void {
    this.#set(`${projectUuid}/${plan.definition.id}/${version}`, Promise.resolve(plan));
  }

  get(sql: Database, projectUuid: string, key: string, version: number): Promise<Plan | null> {
    const name = `${projectUuid}/${key}/${version}`;
    const cached = this.#plans.get(name);
    if (cached) return cached;
    const plan = loadPlan(sql, projectUuid, key, version);
    this.#set(name, plan);
    // A failed look-up must not be remembered.
    plan.then((found) => found ?? this.#plans.delete(name)).catch(() => this.#plans.delete(name));
    return plan;
  }

  #set(name: string, plan: Promise<Plan | null>): void {
    if (this.#plans.size >= plansMax) this.#plans.delete(this.#plans.keys().next().value!);
    this.#plans.set(name, plan);
  }
}

async function loadPlan(sql: Database, project: string, key: string, version: number): Promise<Plan | null> {
  const row = await findVersion(sql, project, key, version);
  return row && compilePlan(JSON.parse(row.definition) as WorkflowDefinition);
}
