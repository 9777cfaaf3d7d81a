/** Serves the example handlers on PORT (3000). Checks signatures with WAYBILL_SIGNING_SECRET. */
import { printExchange, printHeader, say } from './print.ts';
import { startHandlerServer } from './server.ts';

const port = Number(process.env.PORT ?? 3000);
const { url } = await startHandlerServer({ port, onExchange: printExchange });
say(`handlers ready on ${url}`);
printHeader();
