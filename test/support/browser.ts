/** Chromium, for pages; undefined where this machine cannot run it, which is then said. */
import chromium from '@sparticuz/chromium';
import { launch, type Browser } from 'puppeteer-core';
import { messageOf } from '../../kernel/errors.ts';

export async function openBrowser(): Promise<Browser | undefined> {
  try {
    return await launch({
      args: chromium.args,
      executablePath: await chromium.executablePath(),
      headless: 'shell',
    });
  } catch (error) {
    process.stderr.write(`not run: pages in Chromium: ${messageOf(error)}\n`);
    return undefined;
  }
}
