import { access } from 'node:fs/promises';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * The system's Chromium, headless. Undefined, with a warning, if there is none: then skip the tests that need it.
 * @throws if `CI` is set: there, a skipped suite counts as failed.
 */
export async function openBrowser(): Promise<Browser | undefined> {
  for (const executablePath of [process.env.CHROMIUM, ...PLACES]) {
    if (executablePath === undefined || !(await exists(executablePath))) continue;
    return await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  }
  const message = 'The tests of the page need Chromium (apt-get install chromium, or its path in CHROMIUM).';
  if (process.env.CI) throw new Error(message);
  console.warn(`SKIPPED. ${message}`);
  return undefined;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
