import {
  attemptTimeoutMs,
  type Delivery,
  type Hook,
  hash32,
  hookTimeoutMs,
  type RunState,
} from '@waybill/engine';
import { type RequestFacts, type RunInfo, requestBody, userAgent, webhookId, wire } from '@waybill/protocol';
import type { Signer } from '@waybill/signing';

export interface PreparedRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly userHeaders?: Record<string, string>;
  readonly body: string;
  readonly timeoutMs: number;
}

export function urlOf(state: RunState, delivery: Delivery): string {
  // Not that of the state: an answer may come to a hook whose run has been retried since.
  if (delivery.kind === 'hook') return (delivery as Hook).url;
  const { definition } = state.plan.steps[delivery.index]!;
  return delivery.kind === 'step' ? definition.url! : definition.compensation!;
}

/** First stage of a delivery: prepare (pure) → send → classify. */
export function prepareRequest(
  state: RunState,
  info: RunInfo & { readonly traceId: string },
  delivery: Delivery,
  signer: Signer,
  facts: RequestFacts,
): PreparedRequest {
  const { nowMs } = facts;
  const body = requestBody(state, info, delivery, facts);
  const id = webhookId(info.id, delivery.kind, delivery.index, delivery.round);
  const timestampSeconds = Math.floor(nowMs / 1000);
  const step = delivery.kind === 'hook' ? null : state.plan.steps[delivery.index]!;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': userAgent,
    [wire.id]: id,
    [wire.timestamp]: String(timestampSeconds),
    [wire.signature]: signer.sign({ id, timestampSeconds, body }),
    [wire.run]: info.id,
    [wire.workflow]: info.workflowId,
    [wire.attempt]: String(delivery.attempts),
    traceparent: traceparent(info.traceId, id, delivery.attempts),
  };
  if (step) headers[wire.step] = step.id;
  const timeoutMs = step ? attemptTimeoutMs(step, delivery) : hookTimeoutMs;
  const request = { url: urlOf(state, delivery), headers, body, timeoutMs };
  const userHeaders = step?.definition.headers;
  return userHeaders ? { ...request, userHeaders } : request;
}

/** W3C trace context: the run is the trace, each attempt a span; both derived, so a replay names the same. */
function traceparent(traceId: string, webhook: string, attempt: number): string {
  const span = `${webhook}:${attempt}`;
  const high = hash32(span).toString(16).padStart(8, '0');
  const low = hash32(`${span}:low`).toString(16).padStart(8, '0');
  return `00-${traceId}-${high}${low}-01`;
}
