/** Starts one of the example workflows on WAYBILL_URL with WAYBILL_API_KEY, and prints how it ended. */
import { Waybill, type WorkflowDefinition } from '@waybill/sdk';
import { expenses } from './approval/workflow.ts';
import { batchProcess } from './fan-out/workflow.ts';
import { newsletter } from './newsletter/workflow.ts';
import { orderProcessing, orderSaga } from './orders/workflows.ts';
import { printStatus, say } from './print.ts';

const workflows: readonly WorkflowDefinition[] = [
  orderProcessing,
  orderSaga,
  batchProcess,
  newsletter,
  expenses,
];
/** Time enough for a person to decide. */
const waitSeconds = 600;

async function main(name: string | undefined): Promise<void> {
  const definition = workflows.find(({ id }) => id === name);
  if (!definition) throw new Error(`which workflow? ${workflows.map(({ id }) => id).join(', ')}`);
  const platform = new Waybill();
  const { id } = await platform.workflows.create(definition);
  const run = await platform.workflows.wait(id, { timeout: waitSeconds });
  for (const step of run.steps) {
    say(`  ${step.id.padEnd(20)} ${step.state.padEnd(10)} ${JSON.stringify(step.result ?? step.error)}`);
  }
  printStatus(run);
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
