import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { modelEnvironment } from '../core/model/model-environment.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { createWordsMaker, type KeptWords } from '../model/words/kept-words.ts';
import { type MakeWords, makeWords, type TextVectors } from '../model/words/make-words.ts';
import type { WordsReply, WordsRequest } from '../model/words/words-main.ts';

/** A thousand labels of the largest models in use take minutes on a slow core; the limit is for a process that hangs. */
const TIMEOUT_MS = 600_000;

/** For a service or a program, which has other work meanwhile. */
export const openWordsMaker = (): KeptWords => createWordsMaker(makeWordsApart);

/** Makes the vectors of labels in a process of its own. */
export const makeWordsApart: MakeWords = (model, given, template) =>
  makeWords(model, given, template, inItsOwnProcess);

const inItsOwnProcess: TextVectors = async (dir, texts, settings) => {
  // Most programs that submit images start no process.
  const { fork } = await import('node:child_process');
  const entry = new URL(`../model/words/words-main${path.extname(import.meta.url)}`, import.meta.url);
  const child = fork(entry, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: modelEnvironment(process.env),
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    // Keeps a Ctrl-C in the terminal from it: a service lets requests finish.
    detached: process.platform !== 'win32',
  });
  const reply = await ask(child, { dir, texts, settings });
  if ('vectors' in reply) return reply.vectors;
  throw new ImgclsError('permanent', reply.message, reply);
};

async function ask(child: ChildProcess, request: WordsRequest): Promise<WordsReply> {
  const { promise, resolve } = Promise.withResolvers<WordsReply>();
  const failed = (why: string) => resolve({ message: `The process that reads labels failed: ${why}.` });
  child.once('message', (reply) => resolve(reply as WordsReply));
  child.once('error', ({ message }) => failed(message));
  child.once('exit', (code, signal) => failed(signal ?? `exit code ${code}`));
  // A process that could not be started has no channel; it reports that itself.
  if (child.pid !== undefined) child.send(request, () => {});
  return await promise;
}
