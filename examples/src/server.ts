import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Waybill } from '@waybill/sdk';
import { Hono } from 'hono';
import { approvalRoutes } from './approval/routes.ts';
import { type Exchange, observe } from './exchange.ts';
import { fanOutRoutes } from './fan-out/routes.ts';
import { newsletterRoutes } from './newsletter/routes.ts';
import { orderRoutes } from './orders/routes.ts';
import { webhookRoutes } from './webhooks.ts';

export interface HandlerServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface HandlerServerOptions {
  /** Default: `WAYBILL_SIGNING_SECRET`. */
  readonly signingSecret?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Told of every request once it is answered. */
  readonly onExchange: (exchange: Exchange) => void;
}

/** All handlers of these examples in one process. They know the signing secret and nothing else of Waybill. */
export async function startHandlerServer(options: HandlerServerOptions): Promise<HandlerServer> {
  const { port, onExchange, ...secrets } = options;
  const platform = new Waybill(secrets);
  const app = new Hono();
  app.use(observe(onExchange));
  app.route('/', orderRoutes(platform));
  app.route('/', fanOutRoutes(platform));
  app.route('/', newsletterRoutes(platform));
  app.route('/', approvalRoutes(platform));
  app.route('/', webhookRoutes(platform));

  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port });
  if (!server.listening) await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}
