import { ApiClient } from '../../support/client.ts';
import { connectDatabase } from '../../support/database.ts';
import { startGround } from '../../support/ground.ts';
import { startWaybill } from '../../support/serve.ts';
import type { FaultRow } from '../row.ts';

const roles = {
  api: ['api', '--port', '0', '--host', '127.0.0.1'],
  dispatch: ['dispatch'],
} as const;

/** Four processes meet an empty database at once; then one meets a schema of the future. */
export const r21: FaultRow = {
  id: 'R21',
  title: 'two migrators at once; an older process on a newer schema',
  short: { seconds: 0, runs: 1 },
  async run({ note }) {
    const violations: string[] = [];
    const ground = await startGround();
    const sql = connectDatabase(ground.env.DATABASE_URL!);
    const commands = [roles.api, roles.api, roles.dispatch, roles.dispatch];
    const processes = await Promise.all(commands.map((args) => startWaybill(args, ground.env)));
    try {
      note(`${processes.length} processes have migrated an empty database together`);
      const applied = await sql<
        { version: number }[]
      >`select version from schema_migrations order by version`;
      const versions = applied.map(({ version }) => version);
      if (versions.some((version, index) => version !== index + 1)) {
        violations.push(`schema_migrations has ${versions.join(', ')}`);
      }
      const client = new ApiClient(() => processes[0]!.url, ground.apiKey);
      const run = await client.runToEnd({ id: 'migrated', steps: [{ id: 'a', url: '/a' }] });
      if (run.state !== 'completed') violations.push(`a run on the new schema ended ${run.state}`);

      await sql`insert into schema_migrations (version, name) values (999, 'future')`;
      const refusals = await Promise.all(Object.values(roles).map((args) => refusal(args, ground.env)));
      violations.push(...refusals.filter((fault) => fault !== null));
      const after = await client.runToEnd({ id: 'migrated', steps: [{ id: 'a', url: '/a' }] });
      if (after.state !== 'completed') violations.push(`a run beside the newer schema ended ${after.state}`);
      const figures = { processes: processes.length, migrations: versions.length, refused: refusals.length };
      return { figures, violations };
    } finally {
      await sql.end();
      await Promise.all(processes.map((process) => process.kill()));
      await ground.stop();
    }
  },
};

/** Null when the process refuses with a sentence, as it must. */
async function refusal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  try {
    const started = await startWaybill(args, env);
    await started.kill();
    return `an older ${args[0]} started on a newer schema`;
  } catch (error) {
    const said = String(error);
    return said.includes('upgrade the program')
      ? null
      : `an older ${args[0]} did not say why it stopped: ${said}`;
  }
}
