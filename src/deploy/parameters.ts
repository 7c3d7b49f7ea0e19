// Chooses the parameters of a stack: requested ones, then discovered ones, then those that the stack has.

import type { ParameterChoice, TemplateSummary } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

export interface RequestedParameter {
  /** The flag that set it: `--max`. */
  flag: string;
  parameter: string;
  value: string;
}

export interface ParameterSources {
  summary: TemplateSummary;
  /** Parameters of the existing stack. */
  previous: Readonly<Record<string, string>>;
  wanted: readonly RequestedParameter[];
  /** Discovered in the account; undefined: keep the stack's own. */
  found: Readonly<Record<string, string | undefined>>;
}

/**
 * A deployment without a flag keeps the value of an earlier deployment.
 * @throws {ImgclsError} of kind `usage` when the template lacks a requested parameter, or a required one is missing.
 */
export function chooseParameters(sources: ParameterSources): Record<string, ParameterChoice> {
  const { summary, previous, wanted, found } = sources;
  const declared = summary.parameters.map(({ name }) => name);
  const unknown = wanted.filter(({ parameter }) => !declared.includes(parameter));
  if (unknown.length > 0) {
    const each = unknown.map(({ flag, parameter }) => `${parameter} (${flag})`);
    throw new ImgclsError('usage', `The template has no parameter ${each.join(', ')}.`, {
      hint: `It has ${declared.join(', ')}.`,
    });
  }
  const chosen: Record<string, ParameterChoice> = {};
  const missing: string[] = [];
  for (const { name, fallback } of summary.parameters) {
    const value = wanted.find(({ parameter }) => parameter === name)?.value ?? found[name];
    if (value !== undefined) chosen[name] = { value };
    else if (name in previous) chosen[name] = 'previous';
    else if (fallback === undefined) missing.push(name);
  }
  if (missing.length > 0) {
    throw new ImgclsError('usage', `Missing template parameters: ${missing.join(', ')}.`, {
      hint: `Use --parameter ${missing[0]}=VALUE.`,
    });
  }
  return chosen;
}

/** The value that a parameter will have; undefined when the template lacks it. */
export function parameterValue(
  name: string,
  { summary, previous, wanted }: Omit<ParameterSources, 'found'>,
): string | undefined {
  const declared = summary.parameters.find((parameter) => parameter.name === name);
  if (declared === undefined) return undefined;
  return wanted.find(({ parameter }) => parameter === name)?.value ?? previous[name] ?? declared.fallback;
}
