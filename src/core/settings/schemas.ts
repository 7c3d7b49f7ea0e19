// Schemas of settings. Each says in full what a value must be: "must be 1 to 100". zod's own messages are not for users.

import * as z from 'zod';

export function count(min: number, max: number) {
  const range = `must be ${min} to ${max}`;
  const kind = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(kind).int(kind).min(min, range).max(max, range);
}

export function seconds(min: number, max: number) {
  const range = `must be ${min} to ${max} seconds`;
  return z.coerce.number(range).min(min, range).max(max, range);
}

export function dollars() {
  const range = 'must be a number of US dollars, 0 or more';
  return z.coerce.number(range).nonnegative(range);
}

export function rate(max: number) {
  const range = `must be more than 0 and at most ${max}`;
  return z.coerce.number(range).positive(range).max(max, range);
}

export function oneOf<const T extends readonly [string, ...string[]]>(choices: T) {
  return z.enum(choices, `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`);
}

export function text(min: number, max = 4096) {
  const length = `must be ${min} to ${max} characters`;
  return z.string(length).min(min, length).max(max, length);
}

export const pattern = (format: RegExp, what: string) => z.string(what).regex(format, what);

export function list() {
  const kind = 'must be 1 to 50 values, comma-separated';
  return z
    .union(
      [z.array(z.string()), z.string().transform((text) => text.split(',').map((each) => each.trim()))],
      kind,
    )
    .pipe(z.array(z.string(kind).min(1, kind), kind).min(1, kind).max(50, kind));
}

/** Host names, each alone or with a port. */
export function hosts() {
  const kind = 'must be host names such as example.org or nas.local:8080, or public';
  return list().pipe(
    z.array(
      z
        .string()
        .toLowerCase()
        .regex(/^([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/, kind),
    ),
  );
}
