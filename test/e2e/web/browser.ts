import { access } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';

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

/**
 * Makes the page as good as new for the next test of a file: to open another takes a second of processor time, which is more than
 * most tests take. The page of imgcls keeps nothing in a browser but a cookie.
 */
export async function leave(page: Page | undefined): Promise<void> {
  await page?.unrouteAll({ behavior: 'ignoreErrors' });
  await page?.goto('about:blank');
  await page?.context().clearCookies();
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
