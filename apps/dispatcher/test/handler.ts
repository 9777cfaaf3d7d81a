import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Plan, WorkflowDefinition } from '@waybill/engine';
import { planOf, step } from './harness.ts';

export interface ReceivedRequest {
  readonly step: string;
  readonly attempt: number;
  readonly id: string;
}

export type Handler = Awaited<ReturnType<typeof startHandler>>;

/** Answers every step with its id, at once or, for held steps, when told. */
export async function startHandler() {
  const requests: ReceivedRequest[] = [];
  const held = new Set<string>();
  const waiting: ServerResponse[] = [];
  const changes = new EventEmitter();
  let result = '{"ok":true}';
  const answer = (response: ServerResponse) => response.end(result);

  const server = createServer((request, response) => {
    const { headers } = request;
    const step = String(headers['waybill-step'] ?? 'hook');
    request.resume().on('end', () => {
      requests.push({ step, attempt: Number(headers['waybill-attempt']), id: String(headers['webhook-id']) });
      if (held.has(step)) waiting.push(response);
      else answer(response);
      changes.emit('change');
    });
    response.on('close', () => {
      if (!response.writableEnded) changes.emit(`aborted ${step}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    requests,
    /** Each step after the one before it. */
    chain(ids: readonly string[], maxAttempts = 3, fields: Partial<WorkflowDefinition> = {}): Plan {
      const steps = ids.map((id, index) => {
        const plain = step(id, { url: `${url}/${id}`, dependsOn: ids.slice(Math.max(0, index - 1), index) });
        return { ...plain, retries: { ...plain.retries, maxAttempts } };
      });
      return planOf(steps, fields);
    },
    /** Answers to this step wait for `release`. */
    hold: (step: string) => void held.add(step),
    release() {
      held.clear();
      for (const response of waiting.splice(0)) answer(response);
    },
    /** JSON text of every answer to come. */
    answerWith(text: string): void {
      result = text;
    },
    async arrived(step: string, attempt: number): Promise<void> {
      while (!requests.some((each) => each.step === step && each.attempt === attempt))
        await once(changes, 'change');
    },
    aborted: (step: string) => once(changes, `aborted ${step}`),
    reset() {
      this.release();
      requests.length = 0;
      result = '{"ok":true}';
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
