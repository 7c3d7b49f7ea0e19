import { revokeObjectUrl } from '../shell/object-urls.ts';
import type { ChosenImage } from './select-images.ts';

const byJob = new Map<string, readonly ChosenImage[]>();

/** Keeps the files of an upload, so that the job shows their pictures and names without loading them. */
export function keepOriginals(job: string, images: readonly ChosenImage[]): void {
  byJob.set(job, images);
}

export const originalOf = (job: string, index: number): ChosenImage | undefined => byJob.get(job)?.[index];

export function forgetOriginals(job: string): void {
  for (const { file } of byJob.get(job) ?? []) revokeObjectUrl(file);
  byJob.delete(job);
}
