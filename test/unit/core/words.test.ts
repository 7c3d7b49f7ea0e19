import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../../src/core/job/messages.ts';
import { toRequests } from '../../../src/core/job/requests.ts';
import { checkedWords, formatWords, MAX_WORDS, parseWords } from '../../../src/core/model/words.ts';
import type { LibraryModel } from '../../../src/model/library.ts';
import { compareWithWords } from '../../../src/model/words/compare.ts';
import { createWordsMaker } from '../../../src/model/words/kept-words.ts';
import { ImageQueue } from '../../../src/worker/runners/image-queue.ts';

const sha256 = 'a'.repeat(64);

describe('labels of the job', () => {
  it.each([
    [['cat', ' '], 'number 2 is empty'],
    [['cat', 'dog', ' cat'], 'number 3 repeats number 1 (cat)'],
    [['cat', 'x'.repeat(301)], 'number 2 has 301 characters; the limit is 300'],
    [Array.from({ length: 100_000 }, String), `there are 100000; the limit is ${MAX_WORDS}`],
    [[], 'there are none'],
  ])('are refused by their number', (given, why) => {
    expect(() => checkedWords(given)).toThrow(`Wrong labels: ${why}.`);
  });

  it('are made once for many images, and one set at a time', async () => {
    const made: string[] = [];
    let running = 0;
    const make = createWordsMaker(async (_model, labels) => {
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running--;
      made.push(labels.join());
      if (labels.length === 1) throw new Error('Too few.');
      return { document: Buffer.from(labels.join()), sha256 };
    });
    const model = { manifest: { name: 'clip' } } as LibraryModel;
    const documents = ['a,b', 'c,d', 'a,b', 'a'].map((text) => make(model, text.split(',')));
    const settled = await Promise.allSettled(documents);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(await documents[2]).toMatchObject({ document: Buffer.from('a,b') });
    await expect(make(model, ['a'])).rejects.toThrow('Too few.');
    expect(made).toEqual(['a,b', 'c,d', 'a', 'a']);
  });

  it('are stored with their vectors', () => {
    const labels = checkedWords(['cat', ' a "dog"\u00e9']);
    const document = formatWords(labels, Float32Array.of(1, 0, 0, 1)).toString();
    expect(parseWords(document, hash('sha256', document))).toEqual({
      sha256: hash('sha256', document),
      labels: [
        { wnid: '0', label: 'cat' },
        { wnid: '1', label: 'a "dog"\u00e9' },
      ],
      vectors: Float32Array.of(1, 0, 0, 1),
    });
    expect(() => parseWords(formatWords(labels, Float32Array.of(1)).toString(), sha256)).toThrow(
      'vectors do not match the labels',
    );
  });

  it('get the scale times the cosine to the image, plus the bias', () => {
    const words = parseWords(formatWords(['right', 'up'], Float32Array.of(1, 0, 0, 1)).toString(), sha256);
    const logits = compareWithWords(Float32Array.of(30, 40), words, { length: 2, scale: 10, bias: -1 });
    expect([...logits]).toEqual([5, 7]);
    expect(() => compareWithWords(Float32Array.of(1), words, { length: 1, scale: 1, bias: 0 })).toThrow(
      'The labels have 2 numbers each; the model has 1.',
    );
  });

  it('make a message that an older imgcls refuses', () => {
    const model = { name: 'clip', version: '1', variant: 'fp32', sha256, words: sha256 } as const;
    const header = { job: '01M831J8A74S31BMAWYB97FNG7', attempt: 1, model, topK: 5 };
    const [message] = toRequests(header, [{ index: 0, name: 'a', bucket: 'b', key: 'k' }]);
    expect(parseRequest(message?.body ?? '')).toMatchObject({ v: 4, model });
  });

  it('keep the images of a job apart from those of another one with the same model', () => {
    const queue = new ImageQueue();
    const words = parseWords(formatWords(['right'], Float32Array.of(1, 0)).toString(), sha256);
    const work = { image: new Uint8Array(), topK: 1, turn: 0 };
    queue.add({ ...work, model: { dir: '', sha256, words } });
    queue.add({ ...work, model: { dir: '', sha256, words } });
    queue.add({ ...work, model: { dir: '', sha256, words: { ...words, sha256: 'b'.repeat(64) } } });
    expect([queue.take(8).length, queue.take(8).length]).toEqual([2, 1]);
  });
});
