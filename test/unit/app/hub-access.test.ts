import { describe, expect, it } from 'vitest';
import { hubAccess } from '../../../src/app/hub-access.ts';

describe('HF_ENDPOINT', () => {
  it('may have a path, and slashes at its end', () => {
    expect(hubAccess({ HF_ENDPOINT: 'https://mirror.example/hf//' })).toEqual({
      endpoint: 'https://mirror.example/hf',
    });
  });

  it('must not show HF_TOKEN to those between', () => {
    const HF_TOKEN = 'secret';
    expect(() => hubAccess({ HF_ENDPOINT: 'http://mirror.example', HF_TOKEN })).toThrow(/unencrypted/);
    expect(() => hubAccess({ HF_ENDPOINT: 'http://127.0.0.1.mirror.example', HF_TOKEN })).toThrow(
      /unencrypted/,
    );
    for (const endpoint of ['https://mirror.example', 'http://127.0.0.1:8080', 'http://localhost'])
      expect(hubAccess({ HF_ENDPOINT: endpoint, HF_TOKEN })).toEqual({ endpoint, token: HF_TOKEN });
    expect(hubAccess({ HF_ENDPOINT: 'http://mirror.example' })).toEqual({
      endpoint: 'http://mirror.example',
    });
  });
});
