import { migrate } from '@waybill/store';
import { campaign } from '../campaign.ts';
import { duplicates } from '../duplicates.ts';
import { OldWriter, oldSchema } from '../old-writer.ts';
import type { FaultRow } from '../row.ts';
import { shapes } from '../shapes.ts';
import { long, rollingRestart } from './r08.ts';

const left = 200;

/**
 * The previous version is its SQL: runs that its dispatcher died with, runs that wait, and more that are started until
 * the last process has been replaced. No dispatcher of that version drives runs beside the new ones.
 */
export const u01: FaultRow = {
  id: 'U1',
  title:
    'a previous schema with live runs is migrated by four processes, beside starts in the SQL of its time, and rolls on',
  short: { seconds: 15, runs: 100 },
  async run(context) {
    let old: OldWriter | undefined;
    const stop = async () => {
      await old?.stop();
    };
    try {
      return await campaign(context, {
        faults: [rollingRestart()],
        everyMs: [8000, 9000],
        among: [...shapes, long],
        async between(databaseUrl, _, mock) {
          await migrate({ databaseUrl, upTo: oldSchema });
          old = await OldWriter.start(databaseUrl, mock.url);
          await old.leave(left);
          old.keepWriting();
          return databaseUrl;
        },
        async before() {
          context.note(`migrated beside a writer that has begun ${old!.runs.length} runs by now`);
        },
        // Old processes are there until the last one has been replaced.
        whenLoadEnds: stop,
        async after({ load }) {
          for (const runId of old!.runs) {
            load.acknowledgements.push({ kind: 'start', runId });
            load.statesOf.set(runId, ['completed']);
          }
          return [];
        },
        // Those that the previous version died with have lost an attempt; nobody else has to.
        judge(scene, { runs }) {
          const inherited = new Set(old!.runs);
          return [...duplicates(scene, { runs: runs.filter(({ runId }) => !inherited.has(runId)) })];
        },
        figures: () => ({ 'runs of the previous version': old!.runs.length }),
      });
    } finally {
      await stop();
    }
  },
};
