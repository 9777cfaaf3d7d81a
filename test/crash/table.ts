import type { TableRow } from './row.ts';
import { r01 } from './rows/r01.ts';
import { r02 } from './rows/r02.ts';
import { r03 } from './rows/r03.ts';
import { r04 } from './rows/r04.ts';
import { r05 } from './rows/r05.ts';
import { r06 } from './rows/r06.ts';
import { r07 } from './rows/r07.ts';
import { r08 } from './rows/r08.ts';
import { r09 } from './rows/r09.ts';
import { r10 } from './rows/r10.ts';
import { r11 } from './rows/r11.ts';
import { r12 } from './rows/r12.ts';
import { r13 } from './rows/r13.ts';
import { r14 } from './rows/r14.ts';
import { r15 } from './rows/r15.ts';
import { r16 } from './rows/r16.ts';
import { r17 } from './rows/r17.ts';
import { r18 } from './rows/r18.ts';
import { r19 } from './rows/r19.ts';
import { r20 } from './rows/r20.ts';
import { r21 } from './rows/r21.ts';
import { r22 } from './rows/r22.ts';
import { r23 } from './rows/r23.ts';
import { u01 } from './rows/u01.ts';

/** Every fault that Waybill is held to, in order. */
export const rows: readonly TableRow[] = [
  r01,
  r02,
  r03,
  r04,
  r05,
  r06,
  r07,
  r08,
  r09,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r16,
  r17,
  r18,
  r19,
  r20,
  r21,
  r22,
  r23,
  {
    id: 'R24',
    title: 'seeded simulations of the engine',
    where: 'npm run simulate, test/simulation/simulation.test.ts',
  },
  u01,
];
