// Evaluates a template for given parameters, as CloudFormation does: conditions and intrinsic functions.

import type { YAMLSeq } from 'yaml';

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
// biome-ignore lint/suspicious/noExplicitAny: properties have the shape of their type.
export type Properties = Record<string, any>;

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

export type ParameterValues = Readonly<Record<string, string>>;

const FUNCTIONS = ['Ref', 'Sub', 'GetAtt', 'If', 'Equals', 'Not', 'And', 'Or', 'Join', 'Split'];

/** For the parser of YAML: resolves short forms such as `!Sub` to their objects. */
export const templateTags = FUNCTIONS.flatMap((name) => {
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

/**
 * The resources that these parameters select, by logical name. A reference to a resource is `<Name>`, to an attribute
 * `<Name.Attribute>`.
 * @param given values of parameters and pseudo parameters such as `AWS::Region`.
 * @throws {Error} for a function that this evaluation does not know.
 */
export function templateResources(template: Template, given: ParameterValues): Record<string, Resource> {
  const evaluator = new Evaluator(template, given);
  return Object.fromEntries(
    Object.entries(template.Resources)
      .filter(([, { Condition }]) => Condition === undefined || evaluator.condition(Condition))
      .map(([name, { Type, Properties = {} }]) => [
        name,
        { Type, Properties: evaluator.value(Properties) as Properties },
      ]),
  );
}

/** The same of the text of a template. */
export async function readResources(body: string, given: ParameterValues): Promise<Record<string, Resource>> {
  const { parse } = await import('yaml');
  return templateResources(parse(body, { customTags: templateTags }), given);
}

const noValue = Symbol('AWS::NoValue');
type Value = Json | typeof noValue;

export class Evaluator {
  readonly #template: Template;
  readonly #given: ParameterValues;

  constructor(template: Template, given: ParameterValues) {
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
        throw new Error(`Cannot evaluate the function ${name} of a template.`);
    }
  }

  #ref(name: string): Value {
    if (name === 'AWS::NoValue') return noValue;
    const given = this.#given[name];
    const parameter = this.#template.Parameters[name];
    if (parameter === undefined) {
      if (given !== undefined) return given;
      if (name in this.#template.Resources) return `<${name}>`;
      throw new Error(`There is no ${name}.`);
    }
    const value = String(given ?? parameter.Default ?? '');
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
