import { register } from 'node:module';
import { plantedBugs } from './planted-bugs.ts';

/** Loaded before anything else (`node --import`): puts the bug that the environment names into the code loaded then. */
const bug = plantedBugs.find(({ name }) => name === process.env.PLANTED_BUG);
if (!bug) throw new Error(`no planted bug "${process.env.PLANTED_BUG}"`);
register('./plant-hooks.js', import.meta.url, { data: bug });
