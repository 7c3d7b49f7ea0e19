/** Files that only a runner takes for images which labels by content: cheap to make by the hundred, and never mistaken. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';

/** Settings of processes that are to label them. */
export const labelByContent = {
  IMGCLS_RUNNER_ENTRY: path.join(import.meta.dirname, 'children', 'counting-runner.ts'),
  IMGCLS_RUNNERS: '1',
  // What a worker that ended had in hand comes again soon.
  IMGCLS_LEASE_SECONDS: '4',
};

/** Settings of processes whose wall clock is wrong by as many milliseconds as the file says. */
export const shiftedClock = (file: string) => ({
  NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'children', 'shifted-clock.ts')}`,
  IMGCLS_TEST_CLOCK_FILE: file,
});

/** What each image is labelled, by its name, in the order of names. */
export type Labels = ReadonlyMap<string, string>;

export async function writeImages(folder: string, count: number, bytes = 2000): Promise<Labels> {
  await mkdir(folder, { recursive: true });
  const labels = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const name = `${String(index).padStart(4, '0')}.jpg`;
    const content = randomBytes(bytes);
    await writeFile(path.join(folder, name), content);
    labels.set(name, createHash('sha256').update(content).digest('hex'));
  }
  return labels;
}

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** The lines of `imgcls upload` and its like: every image once, in order, with its own label. */
export function expectEachOnce(stdout: string, labels: Labels): void {
  expect(linesOf(stdout)).toEqual([...labels].map(([name, label]) => `${name}, ${label}`));
}

/** The job that a hint names, with the command that continues it. */
export function jobToContinue(stderr: string, command: 'resume' | 'results'): string {
  const found = new RegExp(`"imgcls ${command} (\\w{26})[^"]*" to continue`).exec(stderr)?.[1];
  expect(found, stderr).toBeDefined();
  return found ?? '';
}

/** What a person may be told: words, and no stack. */
export function expectMessage(stderr: string, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
}
