import { version } from '@waybill/protocol';
import { armFailpoint } from '@waybill/store';
import { Command } from 'commander';
import { CliError } from './cli-error.ts';
import { devCommand } from './commands/dev.ts';
import { serverCommands } from './commands/servers.ts';

// An empty variable is one that was not set: compose files and CI systems pass them on like that.
for (const name of Object.keys(process.env)) {
  if (/^(WAYBILL_|DATABASE_URL$)/.test(name) && process.env[name] === '') delete process.env[name];
}

const program = new Command('waybill')
  .description('Durable workflows over plain HTTP')
  .version(version)
  .showHelpAfterError();
devCommand(program);
serverCommands(program);

try {
  const { WAYBILL_FAILPOINT: point } = process.env;
  if (point) armFailpoint(point);
  await program.parseAsync();
  process.exit();
} catch (error) {
  // Errors with a code are ours and say what to do; anything else deserves its stack.
  const isKnown = error instanceof CliError || (error instanceof Error && 'code' in error);
  console.error(isKnown ? `waybill: ${(error as Error).message}` : error);
  process.exit(1);
}
