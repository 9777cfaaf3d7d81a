/** `npm run demo`: an order that goes through, and one that has to be undone, on a server of its own. */
import { randomBytes } from 'node:crypto';
import { Waybill, type WorkflowDefinition } from '@waybill/sdk';
import { DevServer } from './demo/dev-server.ts';
import { ExchangeLog } from './demo/exchange-log.ts';
import { expectCompensated, expectProcessed } from './demo/expect.ts';
import { orderProcessing, orderSaga } from './orders/workflows.ts';
import { printExchange, printHeader, printStatus, say } from './print.ts';
import { startHandlerServer } from './server.ts';

const watchdogMs = 60_000;

const apiKey = `wb_${randomBytes(18).toString('hex')}`;
const signingSecret = `whsec_${randomBytes(24).toString('base64')}`;
const log = new ExchangeLog();

async function main(): Promise<void> {
  const handlers = await startHandlerServer({
    signingSecret,
    port: 0,
    onExchange: (exchange) => {
      printExchange(exchange);
      log.add(exchange);
    },
  });
  const dev = new DevServer({ apiKey, signingSecret, baseUrl: handlers.url });
  let code: number | null;
  try {
    say(`handlers  ${handlers.url}`);
    await Promise.race([play(dev), dev.died(), givenUp(dev)]);
  } finally {
    code = await dev.stop();
    await handlers.stop();
  }
  if (code !== 0) throw dev.failure(`waybill dev ended with code ${code} on SIGTERM`);
  say('\nEverything went as it should.');
}

async function play(dev: DevServer): Promise<void> {
  const startedAt = performance.now();
  const url = await dev.ready();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`waybill   ${url}  api, dispatcher and PostgreSQL, ready after ${seconds} s`);
  const platform = new Waybill({ url, apiKey });
  expectProcessed(await run(platform, orderProcessing));
  expectCompensated(await run(platform, orderSaga));
}

async function run(platform: Waybill, definition: WorkflowDefinition) {
  say(`\n${definition.id}`);
  printHeader();
  const { id } = await platform.workflows.create(definition);
  const ended = await platform.workflows.wait(id);
  await log.hook(id);
  printStatus(ended);
  return { run: ended, exchanges: log.ofRun(id) };
}

/** Rejects when the demo takes too long, or when it is interrupted. */
function givenUp(dev: DevServer): Promise<never> {
  return new Promise((_, reject) => {
    const late = () => reject(dev.failure(`the demo did not end within ${watchdogMs / 1000} s`));
    setTimeout(late, watchdogMs).unref();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error(`the demo was ended by ${signal}`)));
    }
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`\ndemo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
