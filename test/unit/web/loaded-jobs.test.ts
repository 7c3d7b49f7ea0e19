import { afterEach, expect, it, vi } from 'vitest';
import { LoadedJobs } from '../../../src/web/page/jobs/loaded-jobs.ts';

afterEach(() => vi.unstubAllGlobals());

it('a search that begins while a page is loading waits for it, then loads the others', async () => {
  const pages = [{ jobs: [], next: 'A' }, { jobs: [], next: 'B' }, { jobs: [] }];
  const asked: string[] = [];
  let answerSecond = () => {};
  const second = new Promise<void>((resolve) => {
    answerSecond = resolve;
  });
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(new URL(url, 'http://service').searchParams.get('after') ?? 'first');
    if (asked.length === 2) await second;
    return Response.json(pages[asked.length - 1]);
  });
  const loaded = new LoadedJobs();
  await loaded.refresh(new AbortController().signal);
  const more = loaded.more();
  let looks = 0;
  /** Ends a search that never pauses: the page would do nothing else. */
  const signal = {
    get aborted() {
      return ++looks > 1000;
    },
  } as AbortSignal;
  const rest = loaded.rest(signal);
  setImmediate(answerSecond);
  await Promise.all([more, rest]);
  expect(asked).toEqual(['first', 'A', 'B']);
  expect(looks).toBeLessThanOrEqual(3);
});
