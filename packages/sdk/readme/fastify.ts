import { toNodeHandler } from '@waybill/sdk/node';
import Fastify from 'fastify';
import { charge } from './handle.ts';

export const app = Fastify();
const handleCharge = toNodeHandler(charge);

app.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  scope.post('/jobs/charge', async (request, reply) => {
    reply.hijack();
    await handleCharge(request.raw, reply.raw);
  });
});
