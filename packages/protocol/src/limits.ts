/** Bounds of the platform. Every refusal names the limit and its value. Bytes are UTF-8. */
export interface Limits {
  readonly requestBodyBytesMax: number;
  readonly jsonDepthMax: number;
  readonly contextBytesMax: number;
  readonly resultBytesMax: number;
  readonly deliveryBytesMax: number;
  /** Context and results of one run, and what its steps take in memory. */
  readonly runStateBytesMax: number;
  readonly stepsMax: number;
  readonly attemptsMax: number;
  readonly delaySecondsMax: number;
}

const kib = 1024;

export const defaultLimits: Limits = {
  requestBodyBytesMax: 1024 * kib,
  /** Below what the JSON readers of handlers take: 1,000 in Python and in Jackson. */
  jsonDepthMax: 500,
  contextBytesMax: 256 * kib,
  resultBytesMax: 1024 * kib,
  deliveryBytesMax: 4096 * kib,
  runStateBytesMax: 32 * 1024 * kib,
  stepsMax: 10_000,
  attemptsMax: 100,
  delaySecondsMax: 365 * 86_400,
};
