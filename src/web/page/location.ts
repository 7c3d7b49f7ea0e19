/** The address of the page: its view, its query, its history. */
import { computed, signal } from '@preact/signals';
import { changedQuery, type Query, titleOf, viewOf } from './address.ts';
import { arriveAt } from './shell/arrival.ts';

/** The path of the start page: `/`, or `/imgcls/` behind a reverse proxy. */
const start = new URL('.', document.baseURI).pathname;
const path = signal(window.location.pathname);
const search = signal(window.location.search);

/** Safari allows 100 changes of the history in 30 s. */
const SAVE_SCROLL_MS = 400;

const viewAt = (pathname: string) => viewOf(pathname.slice(start.length));
export const view = computed(() => viewAt(path.value));
/** What a view keeps in the address: filters, the open photograph. */
export const query = computed(() => new URLSearchParams(search.value));

/** The address of an element of the view. A bare `#id` would be relative to the start page. */
export const anchor = (id: string): string => `${path.value}${search.value}#${id}`;

/** The title of the window: that of the view, or what a view shows, such as the name of a job. */
export function setTitle(text: string): void {
  document.title = `${text} · imgcls`;
}

/** @param address relative to the start page. */
export function navigate(address: string): void {
  const url = new URL(address, document.baseURI);
  if (url.pathname === window.location.pathname && url.search === window.location.search) return;
  saveScroll();
  window.history.pushState({ scrollY: 0 }, '', url.pathname + url.search);
  showAddress();
  window.scrollTo(0, 0);
  arriveAt({ scrollY: 0, isNewView: true });
}

/** Changes the query as a step of the history: Back undoes it. */
export function pushQuery(changes: Query): void {
  saveScroll();
  window.history.pushState({ scrollY: window.scrollY }, '', addressWith(changes));
  showAddress();
}

/** Changes the query in place: for what changes with each letter. */
export function replaceQuery(changes: Query): void {
  window.history.replaceState({ scrollY: window.scrollY }, '', addressWith(changes));
  showAddress();
}

const addressWith = (changes: Query): string =>
  window.location.pathname + changedQuery(new URLSearchParams(window.location.search), changes);

/** Shows the view of the current address: on back, forward and links within the page. */
export function startNavigation(): void {
  setTitle(titleOf(view.value));
  // Views load their content later than the browser would scroll.
  window.history.scrollRestoration = 'manual';
  arriveAt({ scrollY: scrollOf(window.history.state), isNewView: false });
  keepScroll();
  window.addEventListener('popstate', ({ state }) => {
    const isNewView = window.location.pathname !== path.value;
    const isSameList = !isNewView && isSameBelowPhoto(window.location.search, search.value);
    showAddress();
    if (!isSameList) arriveAt({ scrollY: scrollOf(state), isNewView });
  });
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!isPlain || event.defaultPrevented || link === null) return;
    const isInternal =
      link.origin === window.location.origin && !link.hasAttribute('download') && link.target === '';
    const isView = link.pathname.startsWith(start) && viewAt(link.pathname).name !== 'notFound';
    if (!isInternal || !isView || link.hash !== '') return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

function showAddress(): void {
  const { pathname, search: newSearch } = window.location;
  const isNewView = pathname !== path.value;
  path.value = pathname;
  search.value = newSearch;
  if (isNewView) setTitle(titleOf(view.value));
}

/** An open photograph lies above the list, which stays where it is. */
const isSameBelowPhoto = (one: string, other: string): boolean =>
  changedQuery(new URLSearchParams(one), { photo: undefined }) ===
  changedQuery(new URLSearchParams(other), { photo: undefined });

const scrollOf = (state: unknown): number => (state as { scrollY?: number } | null)?.scrollY ?? 0;

function saveScroll(): void {
  window.history.replaceState({ scrollY: window.scrollY }, '');
}

/** Keeps the scroll position in the entry of the history, for Back, Forward and reloads. */
function keepScroll(): void {
  let isDue = false;
  const saveSoon = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      saveScroll();
    }, SAVE_SCROLL_MS);
  };
  window.addEventListener('scroll', saveSoon, { passive: true });
  window.addEventListener('pagehide', saveScroll);
}
