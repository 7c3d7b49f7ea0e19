import { describe, expect, it } from 'vitest';
import { consentNeeded } from '../../../../src/model/hub/licence.ts';
import { isHubReference, parseHubReference } from '../../../../src/model/hub/reference.ts';

describe('the name of a model of the Hub', () => {
  it('has an owner, and a revision and a precision if needed', () => {
    expect(parseHubReference('hf:microsoft/resnet-50')).toEqual({
      repository: 'microsoft/resnet-50',
      revision: 'main',
      precision: undefined,
    });
    expect(parseHubReference('hf:Xenova/vit@refs/pr/3#q8')).toEqual({
      repository: 'Xenova/vit',
      revision: 'refs/pr/3',
      precision: 'q8',
    });
  });

  it('begins with hf:', () => {
    expect(['hf:a/b', 'resnet50', 's3://a/b'].map(isHubReference)).toEqual([true, false, false]);
  });

  it.each(['hf:resnet', 'hf:a/b/c', 'hf:../b', 'hf:a/b@', 'hf:a/b#Q8', 'hf:a/b?x=1', 'hf:a/ b'])(
    'is refused if it is %s',
    (text) => {
      expect(() => parseHubReference(text)).toThrow(
        `"${text}" is not the name of a model of the Hugging Face Hub.`,
      );
    },
  );
});

describe('the consent of a person', () => {
  it.each([
    ['apache-2.0', false, undefined],
    ['Apache-2.0', false, undefined],
    ['mit', true, 'its owner has set conditions of access'],
    ['cc-by-nc-sa-4.0', false, 'its licence, cc-by-nc-sa-4.0, may forbid your use'],
    ['other', false, 'its licence, other, may forbid your use'],
    [undefined, false, 'its card names no licence'],
  ])('is needed for %s, gated %s: %s', (licence, isGated, reason) => {
    expect(consentNeeded({ licence, isGated })).toBe(reason);
  });
});
