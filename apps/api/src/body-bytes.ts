import { Problem } from '@waybill/protocol';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ApiEnv } from './deps.ts';
import { problemResponse } from './problems.ts';

export interface BodyLimits {
  /** Of one body. */
  readonly bytesMax: number;
  /** Of the bodies of all requests under way. */
  readonly bytesUnderWayMax: number;
}

/** Bounds what bodies take in memory: each by itself, and those of all requests under way together. */
export class BodyBytes {
  readonly #limits: BodyLimits;
  #underWay = 0;
  readonly #counting: MiddlewareHandler<ApiEnv>;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#counting = bodyLimit({
      maxSize: limits.bytesMax,
      onError: (c) => problemResponse(c, this.#tooLarge()),
    });
  }

  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Refuses before a handler reads the body. A declared length is judged by its header alone: hono's own check
   * builds a whole web stream for every request, about 15 µs.
   */
  readonly limit: MiddlewareHandler<ApiEnv> = async (c, next) => {
    const length = c.req.header('content-length');
    const isDeclared = length !== undefined && c.req.header('transfer-encoding') === undefined;
    if (!isDeclared && c.req.method === 'GET') return next();
    const { bytesMax } = this.#limits;
    if (isDeclared && Number(length) > bytesMax) throw this.#tooLarge();
    return this.#holding(isDeclared ? Number(length) : bytesMax, () =>
      isDeclared ? next() : this.#counting(c, next),
    );
  };

  async #holding<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const { bytesUnderWayMax } = this.#limits;
    if (this.#underWay + bytes > bytesUnderWayMax) {
      const detail = `the bodies of requests under way have bodyBytesUnderWayMax ${bytesUnderWayMax}; try again`;
      const limit = { name: 'bodyBytesUnderWayMax', value: bytesUnderWayMax };
      throw new Problem('unavailable', detail, { limit, retryAfterSeconds: 1 });
    }
    this.#underWay += bytes;
    try {
      return await work();
    } finally {
      this.#underWay -= bytes;
    }
  }

  #tooLarge(): Problem {
    const { bytesMax } = this.#limits;
    const limit = { name: 'requestBodyBytesMax', value: bytesMax };
    return new Problem('payload_too_large', `the body is above requestBodyBytesMax ${bytesMax}`, { limit });
  }
}
