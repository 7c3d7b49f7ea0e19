import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

/** What CloudFormation takes in a request. */
export const MAX_TEMPLATE_BYTES = 51_200;

/**
 * The template as it is or, where that is too long for a request, without its comments, blank lines and most of its
 * indentation. Scalars and tags stay letter by letter: nothing is read into them.
 * @param file for errors.
 * @throws {ImgclsError} of kind `usage` when it is no YAML, or still too long.
 */
export async function fitTemplate(text: string, file: string): Promise<string> {
  if (Buffer.byteLength(text) <= MAX_TEMPLATE_BYTES) return text;
  const short = await withoutComments(text, file);
  const bytes = Buffer.byteLength(short);
  if (bytes <= MAX_TEMPLATE_BYTES) return short;
  throw new ImgclsError(
    'usage',
    `${file} has ${bytes} bytes even without comments, and CloudFormation takes ${MAX_TEMPLATE_BYTES} in a request.`,
    {
      hint: 'Put it into a bucket of yours and give its address: --template https://BUCKET.s3.REGION.amazonaws.com/KEY',
    },
  );
}

async function withoutComments(text: string, file: string): Promise<string> {
  const { isNode, parseDocument, visit } = await import('yaml');
  // In this schema every scalar is a text, so that 0123 and "yes" come out as they went in.
  const template = parseDocument(text, { schema: 'failsafe', logLevel: 'silent' });
  const [error] = template.errors;
  if (error !== undefined)
    throw new ImgclsError('usage', `${file} is no template: ${messageOf(error)}`, { cause: error });
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
