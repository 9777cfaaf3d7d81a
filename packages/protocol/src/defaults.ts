/** Seconds; what a definition means that does not say. */
export const defaultTimeoutSeconds = 86_400;
export const defaultStepTimeoutSeconds = 300;
