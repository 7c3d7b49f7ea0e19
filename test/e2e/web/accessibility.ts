/// <reference lib="dom" />
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Of the rules that axe runs, those that colours can break. */
const RULES_OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** What axe finds wrong with a view: by all rules in light, and by those of colours in dark, which changes nothing else. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  const light = await violations(page, {});
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await violations(page, { runOnly: RULES_OF_COLOURS });
  return [...light, ...dark.map((each) => `${each} (dark)`)];
}

async function violations(page: Page, options: axe.RunOptions): Promise<string[]> {
  const found = await page.evaluate(
    (given) => (globalThis as unknown as { axe: typeof axe }).axe.run(given),
    options,
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
