import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

/** CloudFormation's limit for a template in a request. */
export const MAX_TEMPLATE_BYTES = 51_200;

/**
 * Returns the template, without comments, blank lines and most of its indentation if it is too long for a request.
 * Scalars and tags stay exactly as written.
 * @param file for errors.
 * @throws {ImgclsError} of kind `usage` when it is not YAML or still too long.
 */
export async function fitTemplate(text: string, file: string): Promise<string> {
  if (Buffer.byteLength(text) <= MAX_TEMPLATE_BYTES) return text;
  const short = await withoutComments(text, file);
  const bytes = Buffer.byteLength(short);
  if (bytes <= MAX_TEMPLATE_BYTES) return short;
  throw new ImgclsError(
    'usage',
    `${file} is too long: ${bytes} bytes without comments, and CloudFormation accepts ${MAX_TEMPLATE_BYTES} in a request.`,
    {
      hint: 'Store it in a bucket of yours and use --template https://BUCKET.s3.REGION.amazonaws.com/KEY',
    },
  );
}

async function withoutComments(text: string, file: string): Promise<string> {
  const { isNode, parseDocument, visit } = await import('yaml');
  // In this schema every scalar is a string, so 0123 and "yes" stay as they are.
  const template = parseDocument(text, { schema: 'failsafe', logLevel: 'silent' });
  const [error] = template.errors;
  if (error !== undefined)
    throw new ImgclsError('usage', `${file} is not a template: ${messageOf(error)}`, { cause: error });
  template.commentBefore = null;
  template.comment = null;
  visit(template, (_, node) => {
    if (!isNode(node)) return;
    node.comment = null;
    node.commentBefore = null;
    node.spaceBefore = false;
  });
  return template.toString({ indent: 1, indentSeq: false, lineWidth: 0, flowCollectionPadding: false });
}
