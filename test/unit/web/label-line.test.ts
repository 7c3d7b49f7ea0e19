import { describe, expect, it } from 'vitest';
import type { LibraryModel } from '../../../src/model/library.ts';
import { createWordsMaker } from '../../../src/model/words/kept-words.ts';
import type { MadeWords } from '../../../src/model/words/make-words.ts';
import { LabelLine } from '../../../src/web/label-line.ts';
import { LABEL_PLACES } from '../../../src/web/limits.ts';
import { createModelSelector } from '../../../src/web/model-selector.ts';
import { virtualClock } from '../virtual-clock.ts';

const MODEL = { name: 'clip', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) } as const;

describe('sets of new labels', () => {
  it('are made one at a time; one caller has half of the places, and all of them have few', async () => {
    const line = new LabelLine();
    const gate = Promise.withResolvers<void>();
    let running = 0;
    const make = async () => {
      expect(++running).toBe(1);
      await gate.promise;
      running--;
    };
    const half = Array.from({ length: LABEL_PLACES / 2 }, () => line.inTurnOf('a')(make));
    await expect(line.inTurnOf('a')(make)).rejects.toMatchObject({ status: 429 });
    const others = Array.from({ length: LABEL_PLACES / 2 }, (_, at) => line.inTurnOf(`b${at}`)(make));
    await expect(line.inTurnOf('c')(make)).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
    gate.resolve();
    await Promise.all([...half, ...others]);
    await line.inTurnOf('a')(make);
  });

  it('give their place to the next one if they fail', async () => {
    const line = new LabelLine();
    const failed = line.inTurnOf('a')(() => Promise.reject(new Error('No text side.')));
    const next = line.inTurnOf('a')(async () => 'made');
    await expect(failed).rejects.toThrow('No text side.');
    expect(await next).toBe('made');
  });

  it('are made on for a caller who has waited too long, and asks again', async () => {
    let over = Promise.withResolvers<void>();
    const clock = { ...virtualClock(), sleep: () => over.promise };
    const gate = Promise.withResolvers<MadeWords>();
    let made = 0;
    const make = createWordsMaker(() => {
      made++;
      return gate.promise;
    });
    const clip = { manifest: { name: 'clip' } } as LibraryModel;
    const select = createModelSelector(async (_title, labels = [], inTurn) => {
      const { document: words } = await make(clip, labels, undefined, inTurn);
      return { model: MODEL, words };
    }, clock);
    const request = { title: 'clip', labels: ['cat', 'dog'], caller: 'a', waitMs: 1000 };
    const first = select(request);
    over.resolve();
    await expect(first).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/not ready yet/),
    });
    over = Promise.withResolvers();
    const again = select(request);
    const words = Buffer.from('made');
    gate.resolve({ document: words, sha256: '' });
    expect(await again).toEqual({ model: MODEL, words });
    expect(made).toBe(1);
  });

  it('are nothing that a request without labels waits for, however little of its time is left', async () => {
    const select = createModelSelector(async () => ({ model: MODEL }), {
      ...virtualClock(),
      sleep: async () => {},
    });
    for (const title of [undefined, 'clip'])
      expect(await select({ title, labels: undefined, caller: 'a', waitMs: 1 })).toEqual({ model: MODEL });
  });
});
