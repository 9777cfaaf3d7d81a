import { Waybill } from '@waybill/sdk';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Platform, startPlatform } from './platform.ts';

/** One platform for the file it is called in. Members are there once the first test runs. */
export function usePlatform(): { readonly now: Platform; sdk(): Waybill } {
  let platform: Platform | undefined;
  const holder = {
    get now(): Platform {
      if (!platform) throw new Error('the platform is not started yet');
      return platform;
    },
    sdk(): Waybill {
      const { url, apiKey, signingSecret } = holder.now;
      return new Waybill({ url, apiKey, signingSecret });
    },
  };
  beforeAll(async () => {
    platform = await startPlatform();
  });
  beforeEach(({ onTestFailed }) => {
    holder.now.handlers.reset();
    onTestFailed(() => console.error(`log of waybill serve:\n${holder.now.log()}`));
  });
  afterAll(() => platform?.stop());
  return holder;
}
