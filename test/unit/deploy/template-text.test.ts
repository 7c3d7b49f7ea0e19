import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fitTemplate, MAX_TEMPLATE_BYTES } from '../../../src/deploy/template-text.ts';

/** A tag as the short form of a function that CloudFormation reads it as. */
const tag = (name: string) => ({
  tag: `!${name}`,
  resolve: (value: unknown) => ({ [name]: value }),
});
const collection = (name: string) => ({
  tag: `!${name}`,
  collection: 'seq' as const,
  resolve: (value: { toJSON(): unknown }) => ({ [name]: value.toJSON() }),
});
const read = (text: string): unknown =>
  parse(text, {
    customTags: [tag('Ref'), tag('Sub'), tag('GetAtt'), collection('If'), collection('Equals')],
  });

const resources = (count: number, comment: string) => `# ${comment}
Parameters:
  Name: { Type: String, Default: 0123, AllowedPattern: '|[a-z#]+' } # ${comment}
  List:
    Type: CommaDelimitedList

    Default: ''
Resources:
${Array.from(
  { length: count },
  (_, at) => `
  # ${comment}
  Machine${at}:
    Type: AWS::EC2::LaunchTemplate # ${comment}
    Condition: yes
    Properties:
      Version: 2012-10-17
      Name: !Sub 'imgcls-\${Name}'
      Value: !If [IsOn, !Ref Name, !GetAtt Other.Arn]
      Text: |
        #imgcls-environment
        IMGCLS_ROLE=worker

        # kept
`,
).join('')}`;

describe('a template', () => {
  it('goes as it is where it is short enough', async () => {
    const text = resources(3, 'a comment');
    expect(await fitTemplate(text, 'x.yaml')).toBe(text);
  });

  it('goes without comments where it is not, and says the same', async () => {
    const text = resources(150, 'a comment that says why it is as it is, at some length');
    expect(Buffer.byteLength(text)).toBeGreaterThan(MAX_TEMPLATE_BYTES);
    const short = await fitTemplate(text, 'x.yaml');
    expect(Buffer.byteLength(short)).toBeLessThanOrEqual(MAX_TEMPLATE_BYTES);
    expect(read(short)).toEqual(read(text));
    expect(short).not.toContain('a comment');
    expect(short).toContain('#imgcls-environment');
    expect(short).toContain('Default: 0123');
    expect(short).toContain('Condition: yes');
  });

  it('that is too long all the same is refused, with the way out', async () => {
    await expect(fitTemplate(resources(600, 'short'), 'x.yaml')).rejects.toMatchObject({
      message: expect.stringMatching(/^x\.yaml has \d+ bytes even without comments/),
      hint: expect.stringContaining('--template https://'),
    });
  });

  it('that is none is refused by what is wrong with it', async () => {
    const text = `Resources: [\n${'# long\n'.repeat(10_000)}`;
    await expect(fitTemplate(text, 'x.yaml')).rejects.toThrow(/^x\.yaml is no template: /);
  });
});
