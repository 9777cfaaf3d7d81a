import type { Command } from 'commander';
import { limitOptions } from '../limit-options.ts';
import { type Roles, startNode } from '../node.ts';
import { runUntilSignal } from '../run-until-signal.ts';
import {
  commonOptions,
  databaseOptions,
  httpOptions,
  metricsOptions,
  type ServerSettings,
} from '../settings.ts';

/** `serve`, `api` and `dispatch`: the same program on your own PostgreSQL, in one process or in several. */
export function serverCommands(program: Command): void {
  const serve = program.command('serve').description('API and dispatcher in one process');
  limitOptions(commonOptions(databaseOptions(httpOptions(serve, '0.0.0.0')))).action(
    start('serve', { api: true, dispatch: true }),
  );

  const api = program.command('api').description('The API alone; run as many as you like');
  limitOptions(commonOptions(databaseOptions(httpOptions(api, '0.0.0.0')))).action(
    start('api', { api: true, dispatch: false }),
  );

  const dispatch = program.command('dispatch').description('A dispatcher alone; run as many as you like');
  limitOptions(commonOptions(databaseOptions(metricsOptions(dispatch)))).action(
    start('dispatch', { api: false, dispatch: true }),
  );
}

function start(name: string, roles: Roles) {
  return async (settings: ServerSettings): Promise<void> => {
    const node = await startNode(settings, roles);
    const { apiKey, signingSecret } = node.generated;
    if (apiKey) console.log(`API key         ${apiKey}   (shown this once)`);
    if (signingSecret) console.log(`signing secret  ${signingSecret}   (shown this once)`);
    if (node.metricsUrl) console.log(`metrics         ${node.metricsUrl}/metrics`);
    console.log(`waybill ${name} ready${node.url ? ` on ${node.url}` : ''}`);
    await runUntilSignal(node);
  };
}
