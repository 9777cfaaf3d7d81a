import { Hono } from 'hono';
import { charge } from './handle.ts';

export const app = new Hono();
app.post('/jobs/charge', (c) => charge(c.req.raw));
