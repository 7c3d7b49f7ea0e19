import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fitTemplate, MAX_TEMPLATE_BYTES } from '../../../src/deploy/template-text.ts';

/** A YAML tag that stands for an intrinsic function of CloudFormation. */
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
  it('is sent unchanged when it is short enough', async () => {
    const text = resources(3, 'a comment');
    expect(await fitTemplate(text, 'x.yaml')).toBe(text);
  });

  it('is sent without comments when it is not, with the same meaning', async () => {
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

  it('that is still too long is refused, with an alternative', async () => {
    await expect(fitTemplate(resources(600, 'short'), 'x.yaml')).rejects.toMatchObject({
      message: expect.stringMatching(/^x\.yaml is too long: \d+ bytes without comments/),
      hint: expect.stringContaining('--template https://'),
    });
  });

  it('that is not valid is refused with the reason', async () => {
    const text = `Resources: [\n${'# long\n'.repeat(10_000)}`;
    await expect(fitTemplate(text, 'x.yaml')).rejects.toThrow(/^x\.yaml is not a template: /);
  });
});
