import { readFile } from 'node:fs/promises';
import { packageFile } from '../../app/package-files.ts';
import type { Template } from '../../core/aws-account/stacks.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { fitTemplate } from '../../deploy/template-text.ts';

const OWN_TEMPLATE = packageFile('deploy/cloudformation/imgcls.yaml');

/**
 * The template of a cluster. It is sent in the request, so a deployment stores no file in S3.
 * @param source a file or the URL of an object in S3; default: the template that ships with imgcls.
 * @throws {ImgclsError} of kind `usage` when it cannot be read or is too long for a request.
 */
export async function readTemplate(source: string = OWN_TEMPLATE): Promise<Template> {
  if (source.startsWith('https://')) return { url: source };
  let body: string;
  try {
    body = await readFile(source, 'utf8');
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read the template: ${messageOf(cause)}`, { cause });
  }
  return { body: await fitTemplate(body, source) };
}
