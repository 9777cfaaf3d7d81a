/** Server-Sent Events as text: https://html.spec.whatwg.org/multipage/server-sent-events.html */

const lineEnd = /\r\n|\n|\r/;

export interface SseEvent {
  readonly id: string;
  readonly event: string;
  /** JSON text. A line break in it is white space between tokens, and may come out as another one. */
  readonly data: string;
}

export function sseText({ id, event, data }: SseEvent): string {
  const lines = data.split(lineEnd).map((line) => `data: ${line}\n`);
  return `id: ${id}\nevent: ${event}\n${lines.join('')}\n`;
}

/** Keeps a connection alive; clients skip it. */
export function sseComment(text: string): string {
  return `: ${text}\n\n`;
}

export const sseHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Reverse proxies of the nginx family would hold events back.
  'x-accel-buffering': 'no',
} as const;

export function acceptsSse(accept: string | undefined): boolean {
  return accept !== undefined && /\btext\/event-stream\b/i.test(accept);
}
