import path from 'node:path';
import { MAX_KEY_BYTES } from '../core/cloud/ports.ts';
import type { FilePath } from './inputs.ts';

/** Names of descriptors: in another process they lead to other files, or to none. */
const OWN_TO_PROCESS = /^\/(proc|dev\/fd|dev\/std(in|out|err))(\/|$)/;

/** The path of a file from a folder. It keeps `..`, which behind a link is not the folder that contains the link. */
export function pathFrom(folder: string, file: string): string {
  if (path.isAbsolute(file)) return file;
  return folder.split(path.sep).includes('..') || file.split(path.sep).includes('..')
    ? `${folder.replace(/\/+$/, '')}${path.sep}${file}`
    : path.join(folder, file);
}

/**
 * The key of a file that workers can read where it is: its absolute path.
 * @returns undefined if the file has to be copied, because a key cannot have its name or because only this process has it.
 */
export function keyInPlace(file: FilePath, folder: string): string | undefined {
  if (typeof file !== 'string' || !file.isWellFormed()) return undefined;
  const key = pathFrom(folder, file);
  const isOwn = OWN_TO_PROCESS.test(key);
  return isOwn || Buffer.byteLength(key) > MAX_KEY_BYTES ? undefined : key;
}
