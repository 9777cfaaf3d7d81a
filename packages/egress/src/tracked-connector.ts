import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/**
 * undici's connector, with every socket in `sockets` from its first moment until it is closed. A pool's own destroy
 * leaves the sockets that are still connecting alone, for as long as the connect timeout.
 */
export function trackedConnector(
  options: buildConnector.BuildOptions,
  sockets: Set<Socket>,
): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, callback) => {
    // Typed as void, but the connector has always handed the socket back (undici lib/core/connect.js).
    const socket = connect(target, callback) as unknown as Socket;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
}
