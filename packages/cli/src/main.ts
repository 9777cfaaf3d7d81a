import { version } from '@waybill/protocol';
import { Command } from 'commander';
import { CliError } from './cli-error.ts';
import { devCommand } from './commands/dev.ts';
import { serverCommands } from './commands/servers.ts';

const program = new Command('waybill')
  .description('Durable workflows over plain HTTP')
  .version(version)
  .showHelpAfterError();
devCommand(program);
serverCommands(program);

try {
  await program.parseAsync();
  process.exit();
} catch (error) {
  // Errors with a code are ours and say what to do; anything else deserves its stack.
  const isKnown = error instanceof CliError || (error instanceof Error && 'code' in error);
  console.error(isKnown ? `waybill: ${(error as Error).message}` : error);
  process.exit(1);
}
