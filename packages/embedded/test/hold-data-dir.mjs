// A process of its own for the tests: starts the built package on argv[2], prints what it got as one JSON line,
// and holds the server until it is killed or its stdin ends (then it exits without stopping the server).
import { startEmbeddedPostgres, startTemporaryPostgres } from '../dist/index.js';

const dataDir = process.argv[2];
try {
  const server =
    dataDir === undefined ? await startTemporaryPostgres() : await startEmbeddedPostgres({ dataDir });
  const { url, pid, socketDir } = server;
  console.log(JSON.stringify({ url, pid, socketDir }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
process.stdin.on('end', () => process.exit(0)).resume();
