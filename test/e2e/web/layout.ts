/// <reference lib="dom" />
/** What is wrong with the layout of a view, in its users' words. */
import type { Page } from 'playwright-core';

export const WIDTHS_PX = [390, 768, 1440] as const;

/**
 * Finds elements that are wider than their box, and text that is cut off without an ellipsis or without a title that has it
 * whole. Looks at what is laid out now: scroll, and look again.
 */
export function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults = new Set<string>();
    const nameOf = (element: Element) =>
      `${element.localName}${[...element.classList].map((each) => `.${each}`).join('')}`;
    const report = (element: Element, what: string) =>
      faults.add(`${nameOf(element)}: ${what}: "${element.textContent?.trim().slice(0, 60)}"`);
    // Boxes of one pixel are for screen readers. Fields scroll with the caret.
    const isLookedAt = (element: Element) =>
      element.closest('.unseen, svg, input, textarea, noscript') === null && element.clientWidth > 1;

    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.add(`the page is ${root.scrollWidth} px wide`);
    for (const element of document.querySelectorAll('body *')) {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
      const isWide = scrollWidth > clientWidth;
      const isHigh = scrollHeight > clientHeight + 1;
      if (!(isWide || isHigh) || !isLookedAt(element)) continue;
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
      const isCut = overflowX === 'hidden' || overflowX === 'clip';
      const isTitled = element.closest('[title]') !== null;
      if (isWide && !(overflowX === 'auto' || overflowX === 'scroll')) {
        if (!isCut) report(element, `${scrollWidth} px in ${clientWidth} px`);
        else if (textOverflow !== 'ellipsis') report(element, 'cut off without an ellipsis');
        else if (!isTitled) report(element, 'shortened without a title');
      }
      const isText = element.textContent?.trim() !== '';
      if (isHigh && overflowY === 'hidden' && isText && !isTitled)
        report(element, `${scrollHeight} px high in ${clientHeight} px`);
    }
    return [...faults];
  });
}

/** {@link layoutFaults} of the whole view, one window after the other: a list may hold only what is near the window. */
export async function layoutFaultsBelow(page: Page, settled: () => Promise<void>): Promise<string[]> {
  const faults = new Set<string>();
  const { heightPx, windowPx } = await page.evaluate(() => ({
    heightPx: document.documentElement.scrollHeight,
    windowPx: window.innerHeight,
  }));
  for (let top = 0; top < heightPx; top += windowPx) {
    await page.evaluate((y) => window.scrollTo(0, y), top);
    await settled();
    for (const fault of await layoutFaults(page)) faults.add(fault);
  }
  return [...faults];
}
