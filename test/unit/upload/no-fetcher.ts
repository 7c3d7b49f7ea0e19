import type { StoreImageOptions } from '../../../src/upload/store-image.ts';

/** For images that are not of the web. */
export const noFetcher: StoreImageOptions['fetcher'] = {
  fetch: (address) => Promise.reject(new Error(`Unexpected fetch of ${address}.`)),
};
