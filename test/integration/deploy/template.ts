// The template of a cluster, evaluated for given parameters.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import {
  Evaluator,
  type Resource,
  type Template,
  templateResources,
  templateTags,
} from '../../../src/deploy/template-resources.ts';

export type { Resource, Template };

export const TEMPLATE_FILE = path.join(import.meta.dirname, '../../../deploy/cloudformation/imgcls.yaml');

export const parseTemplate = (text: string): Template => parse(text, { customTags: templateTags });
export const readTemplate = (): Template => parseTemplate(readFileSync(TEMPLATE_FILE, 'utf8'));

const CODE = `controller/${'0'.repeat(64)}.zip`;
/** Values for parameters that need one. */
export const PLACE = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '123456789012',
  VpcId: 'vpc-1',
  SubnetIds: 'subnet-1,subnet-2',
  WorkerImageId: 'ami-1',
  ControllerCode: CODE,
};

/** Who may assume the role of submitters. */
export const SUBMITTERS = { SubmitterPrincipals: 'arn:aws:iam::123456789012:role/photographers' };

/**
 * The resources that these parameters select.
 * @param given parameters besides {@link PLACE}.
 */
export const resourcesWith = (
  template: Template,
  given: Readonly<Record<string, string>>,
): Record<string, Resource> => templateResources(template, { ...PLACE, ...given });

/** The rules of the template that these parameters violate. */
export function brokenRules(template: Template, given: Readonly<Record<string, string>>): string[] {
  const evaluator = new Evaluator(template, { ...PLACE, ...given });
  return Object.values(template.Rules)
    .filter(({ RuleCondition }) => evaluator.value(RuleCondition) === true)
    .flatMap(({ Assertions }) => Assertions)
    .filter(({ Assert }) => evaluator.value(Assert) !== true)
    .map(({ AssertDescription }) => AssertDescription);
}
