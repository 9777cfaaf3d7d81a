import type { InitializeHook, LoadHook } from 'node:module';
import type { PlantedBug } from './planted-bugs.ts';

let bug: PlantedBug;

export const initialize: InitializeHook<PlantedBug> = (data) => {
  bug = data;
};

/** @throws Error when the code is not what the bug was made for: a bug that is not there cannot be found. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith(`/${bug.file}`)) return loaded;
  const parts = String(loaded.source).split(bug.find);
  if (parts.length !== 2) throw new Error(`"${bug.name}": found ${parts.length - 1} times in ${bug.file}`);
  return { ...loaded, source: parts.join(bug.replace) };
};
