import { computed, signal } from '@preact/signals';
import { titleOf, viewOf } from './address.ts';

const path = signal(window.location.pathname);

export const view = computed(() => viewOf(path.value));

export function goTo(address: string): void {
  if (address === window.location.pathname) return;
  window.history.pushState(null, '', address);
  arrive();
  window.scrollTo(0, 0);
}

/** Follows the address: back, forward, and links to the page itself. */
export function followLocation(): void {
  document.title = titleOf(view.value);
  window.addEventListener('popstate', arrive);
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!isPlain || event.defaultPrevented || link === null) return;
    const isOurs =
      link.origin === window.location.origin && !link.hasAttribute('download') && link.target === '';
    if (!isOurs || link.hash !== '' || link.pathname.startsWith('/v1/')) return;
    event.preventDefault();
    goTo(link.pathname);
  });
}

function arrive(): void {
  path.value = window.location.pathname;
  document.title = titleOf(view.value);
  // A screen reader goes on at the new view's heading, as it would on a new page.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }));
}
