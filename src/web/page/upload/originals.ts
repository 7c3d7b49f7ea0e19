import type { Chosen } from './select-images.ts';

const byJob = new Map<string, readonly Chosen[]>();

/** Remembers what was just uploaded, so that its pictures and names are there before the service is asked for any. */
export function keepOriginals(job: string, images: readonly Chosen[]): void {
  byJob.set(job, images);
}

export const originalOf = (job: string, index: number): Chosen | undefined => byJob.get(job)?.[index];

export function forgetOriginals(job: string): void {
  byJob.delete(job);
}
