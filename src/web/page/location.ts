import { computed, signal } from '@preact/signals';
import { titleOf, viewOf } from './address.ts';

/** The path of the start page: `/`, or `/imgcls/` behind a reverse proxy. */
const start = new URL('.', document.baseURI).pathname;
const path = signal(window.location.pathname);

export const view = computed(() => viewOf(path.value.slice(start.length)));

/** The address of an element of the view. A bare `#id` would be relative to the start page. */
export const anchor = (id: string): string => `${path.value}#${id}`;

/** @param address relative to the start page. */
export function navigate(address: string): void {
  const { pathname } = new URL(address, document.baseURI);
  if (pathname === window.location.pathname) return;
  window.history.pushState(null, '', pathname);
  updateView();
  window.scrollTo(0, 0);
}

/** Shows the view of the current path: on back, forward and links within the page. */
export function startNavigation(): void {
  document.title = titleOf(view.value);
  window.addEventListener('popstate', updateView);
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!isPlain || event.defaultPrevented || link === null) return;
    const isInternal =
      link.origin === window.location.origin && !link.hasAttribute('download') && link.target === '';
    const isView = link.pathname.startsWith(start) && !link.pathname.startsWith(`${start}v1/`);
    if (!isInternal || !isView || link.hash !== '') return;
    event.preventDefault();
    navigate(link.pathname);
  });
}

function updateView(): void {
  path.value = window.location.pathname;
  document.title = titleOf(view.value);
  // Focus moves to the heading of the new view, so that a screen reader reads it as it would read a new page.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }));
}
