import { compilePlan, type Plan, type WorkflowDefinition } from '@waybill/engine';
import { LRUCache } from 'lru-cache';
import type { Database } from './database.ts';
import { findVersion } from './workflows.ts';

const bytesMaxDefault = 64 * 1024 * 1024;
/** Measured: what a step takes compiled, beside the texts of its definition. */
const stepBytes = 1200;

interface CachedPlan {
  readonly plan: Plan;
  readonly bytes: number;
}

/** Plans are immutable by version, so a cached one is never stale. Bounded in bytes: one may have 10,000 steps. */
export class PlanCache {
  readonly #plans: LRUCache<string, CachedPlan>;
  readonly #loading = new Map<string, Promise<Plan | null>>();

  constructor(bytesMax = bytesMaxDefault) {
    this.#plans = new LRUCache({ maxSize: bytesMax, sizeCalculation: ({ bytes }) => bytes });
  }

  /** What the cached plans take in memory, about. */
  get bytes(): number {
    return this.#plans.calculatedSize;
  }

  /** Remembers a plan that the caller has compiled already, of a definition of so many characters. */
  put(projectUuid: string, plan: Plan, version: number, definitionChars: number): void {
    const bytes = stepBytes * (1 + plan.steps.length) + definitionChars;
    this.#plans.set(nameOf(projectUuid, plan.definition.id, version), { plan, bytes });
  }

  get(sql: Database, projectUuid: string, key: string, version: number): Promise<Plan | null> {
    const name = nameOf(projectUuid, key, version);
    const cached = this.#plans.get(name);
    if (cached) return Promise.resolve(cached.plan);
    const loading = this.#loading.get(name) ?? this.#load(sql, projectUuid, key, version);
    this.#loading.set(name, loading);
    // Neither a failure nor a missing version is remembered.
    const forget = () => void this.#loading.delete(name);
    loading.then(forget, forget);
    return loading;
  }

  async #load(sql: Database, project: string, key: string, version: number): Promise<Plan | null> {
    const row = await findVersion(sql, project, key, version);
    if (!row) return null;
    const plan = compilePlan(JSON.parse(row.definition) as WorkflowDefinition);
    this.put(project, plan, version, row.definition.length);
    return plan;
  }
}

function nameOf(project: string, key: string, version: number): string {
  return `${project}/${key}/${version}`;
}
