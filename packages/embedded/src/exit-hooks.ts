const hooks = new Set<() => void>();

function runHooks(): void {
  for (const hook of hooks) hook();
}

/** Runs `hook` (which must be synchronous) when this process ends by itself; returns how to take it back. */
export function atProcessExit(hook: () => void): () => void {
  if (hooks.size === 0) process.on('exit', runHooks); // one listener for all, or Node warns of a leak at eleven
  hooks.add(hook);
  return () => {
    hooks.delete(hook);
    if (hooks.size === 0) process.off('exit', runHooks);
  };
}
