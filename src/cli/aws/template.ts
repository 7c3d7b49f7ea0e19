import { readFile } from 'node:fs/promises';
import { packageFile } from '../../app/package-files.ts';
import type { Template } from '../../core/aws-account/stacks.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { fitTemplate } from '../../deploy/template-text.ts';

const OWN_TEMPLATE = packageFile('deploy/cloudformation/imgcls.yaml');

/**
 * The template of a cluster, which travels in the request: nothing is stored anywhere for a deployment.
 * @param place a file, or the address of an object in S3; else the template that comes with imgcls.
 * @throws {ImgclsError} of kind `usage` when it cannot be read, or is too long for a request.
 */
export async function readTemplate(place: string = OWN_TEMPLATE): Promise<Template> {
  if (place.startsWith('https://')) return { url: place };
  let body: string;
  try {
    body = await readFile(place, 'utf8');
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read the template: ${messageOf(cause)}`, { cause });
  }
  return { body: await fitTemplate(body, place) };
}
