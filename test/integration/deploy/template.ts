// Evaluates the template for given parameters, as CloudFormation does: conditions and intrinsic functions.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, type YAMLSeq } from 'yaml';

export const TEMPLATE_FILE = path.join(import.meta.dirname, '../../../deploy/cloudformation/imgcls.yaml');

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
// biome-ignore lint/suspicious/noExplicitAny: properties have the shape of their type, and tests say what they expect.
type Properties = Record<string, any>;

export interface Resource {
  Type: string;
  Properties: Properties;
}

interface Parameter {
  Type: string;
  Default?: string | number;
  AllowedPattern?: string;
}

export interface Template {
  Parameters: Record<string, Parameter>;
  Rules: Record<string, { RuleCondition: Json; Assertions: { Assert: Json; AssertDescription: string }[] }>;
  Conditions: Record<string, Json>;
  Resources: Record<string, { Type: string; Condition?: string; Properties?: Json }>;
}

const FUNCTIONS = ['Ref', 'Sub', 'GetAtt', 'If', 'Equals', 'Not', 'And', 'Or', 'Join', 'Split'];

/** Resolves short forms such as `!Sub` to their objects. */
const customTags = FUNCTIONS.flatMap((name) => {
  const long = name === 'Ref' ? name : `Fn::${name}`;
  return [
    {
      tag: `!${name}`,
      resolve: (text: string) => ({ [long]: name === 'GetAtt' ? text.split('.') : text }),
    },
    {
      tag: `!${name}`,
      collection: 'seq' as const,
      resolve: (items: unknown) => ({ [long]: (items as YAMLSeq).toJSON() }),
    },
  ];
});

export const parseTemplate = (text: string): Template => parse(text, { customTags });
export const readTemplate = (): Template => parseTemplate(readFileSync(TEMPLATE_FILE, 'utf8'));

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '123456789012',
};
const noValue = Symbol('AWS::NoValue');
type Value = Json | typeof noValue;

const CODE = `controller/${'0'.repeat(64)}.zip`;
/** Values for parameters that need one. */
export const PLACE = {
  VpcId: 'vpc-1',
  SubnetIds: 'subnet-1,subnet-2',
  WorkerImageId: 'ami-1',
  ControllerCode: CODE,
};

/**
 * The resources that these parameters select, by logical name. A reference to a resource is `<Name>`, to an attribute
 * `<Name.Attribute>`.
 * @param given parameters besides {@link PLACE}.
 */
export function resourcesWith(
  template: Template,
  given: Readonly<Record<string, string>>,
): Record<string, Resource> {
  const evaluator = new Evaluator(template, { ...PLACE, ...given });
  return Object.fromEntries(
    Object.entries(template.Resources)
      .filter(([, { Condition }]) => Condition === undefined || evaluator.condition(Condition))
      .map(([name, { Type, Properties = {} }]) => [
        name,
        { Type, Properties: evaluator.value(Properties) as Properties },
      ]),
  );
}

/** The rules of the template that these parameters violate. */
export function brokenRules(template: Template, given: Readonly<Record<string, string>>): string[] {
  const evaluator = new Evaluator(template, { ...PLACE, ...given });
  return Object.values(template.Rules)
    .filter(({ RuleCondition }) => evaluator.value(RuleCondition) === true)
    .flatMap(({ Assertions }) => Assertions)
    .filter(({ Assert }) => evaluator.value(Assert) !== true)
    .map(({ AssertDescription }) => AssertDescription);
}

class Evaluator {
  readonly #template: Template;
  readonly #given: Readonly<Record<string, string>>;

  constructor(template: Template, given: Readonly<Record<string, string>>) {
    this.#template = template;
    this.#given = given;
  }

  condition(name: string): boolean {
    const declared = this.#template.Conditions[name];
    if (declared === undefined) throw new Error(`There is no condition ${name}.`);
    return this.value(declared) === true;
  }

  value(json: Json): Value {
    if (Array.isArray(json)) return json.map((each) => this.value(each)).filter(isThere);
    if (typeof json !== 'object' || json === null) return json;
    const [[name = '', argument = null] = [], ...others] = Object.entries(json);
    if (others.length === 0 && (name === 'Ref' || name === 'Condition' || name.startsWith('Fn::')))
      return this.#call(name, argument);
    const values = Object.entries(json).map(([key, each]) => [key, this.value(each)] as const);
    return Object.fromEntries(values.filter(([, each]) => isThere(each))) as Json;
  }

  #call(name: string, argument: Json): Value {
    const list = () => this.value(argument) as Json[];
    switch (name) {
      case 'Ref':
        return this.#ref(String(argument));
      case 'Condition':
        return typeof argument === 'string'
          ? this.condition(argument)
          : { Condition: this.value(argument) as Json };
      case 'Fn::GetAtt':
        return `<${(argument as string[]).join('.')}>`;
      case 'Fn::Sub':
        return this.#sub(argument);
      case 'Fn::If': {
        const [condition, whenTrue, whenFalse] = argument as [string, Json, Json];
        return this.value(this.condition(condition) ? whenTrue : whenFalse);
      }
      case 'Fn::Equals':
        return String(list()[0]) === String(list()[1]);
      case 'Fn::Not':
        return list()[0] !== true;
      case 'Fn::And':
        return list().every((each) => each === true);
      case 'Fn::Or':
        return list().some((each) => each === true);
      case 'Fn::Join':
        return (list()[1] as string[]).join(String(list()[0]));
      case 'Fn::Split':
        return String(list()[1]).split(String(list()[0]));
      case 'Fn::Base64':
        return this.value(argument);
      default:
        throw new Error(`There is no function ${name} here.`);
    }
  }

  #ref(name: string): Value {
    if (name === 'AWS::NoValue') return noValue;
    const pseudo = PSEUDO[name];
    if (pseudo !== undefined) return pseudo;
    const parameter = this.#template.Parameters[name];
    if (parameter === undefined) {
      if (name in this.#template.Resources) return `<${name}>`;
      throw new Error(`There is no ${name}.`);
    }
    const value = String(this.#given[name] ?? parameter.Default ?? '');
    return /List/.test(parameter.Type) ? value.split(',') : value;
  }

  #sub(argument: Json): string {
    const [text, variables] = Array.isArray(argument)
      ? (argument as [string, Record<string, Json>])
      : [String(argument), {}];
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal !== '') return `\${${name}}`;
      const variable = variables[name];
      if (variable !== undefined) return String(this.value(variable));
      return name.includes('.') ? `<${name}>` : String(this.#ref(name));
    });
  }
}

const isThere = (value: Value): value is Json => value !== noValue;
