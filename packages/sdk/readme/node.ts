import { toNodeHandler } from '@waybill/sdk/node';
import express from 'express';
import { charge } from './handle.ts';

export const app = express();
app.post('/jobs/charge', toNodeHandler(charge));
app.use(express.json());
