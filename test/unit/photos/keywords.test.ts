import { parseXml } from '@rgrove/parse-xml';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSidecar, EMPTY_SIDECAR, withKeywords } from '../../../src/photos/xmp/keywords.ts';
import { type ListProperty, readList } from '../../../src/photos/xmp/lists.ts';

const DC: ListProperty = { namespace: 'http://purl.org/dc/elements/1.1/', prefix: 'dc', name: 'subject' };
const LR: ListProperty = {
  namespace: 'http://ns.adobe.com/lightroom/1.0/',
  prefix: 'lr',
  name: 'hierarchicalSubject',
};
const TAGS: ListProperty = {
  namespace: 'http://www.digikam.org/ns/1.0/',
  prefix: 'digiKam',
  name: 'TagsList',
};
const keywords = (...words: string[]) => ({ words, paths: words.map((word) => [word]) });

const RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"';
const packet = (inside: string) =>
  `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ${RDF}>${inside}</rdf:RDF></x:xmpmeta>`;
const withSubjects = (...words: string[]) =>
  packet(
    `<rdf:Description rdf:about="" xmlns:dc="${DC.namespace}"><dc:subject><rdf:Bag>${words
      .map((word) => `<rdf:li>${word}</rdf:li>`)
      .join('')}</rdf:Bag></dc:subject></rdf:Description>`,
  );

/** As digiKam 8 writes it, by Exiv2: attributes of one description, TagsList as a sequence. */
const DIGIKAM = `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF ${RDF}>
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmp:Rating="4"
   digiKam:PickLabel="0">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>People/Anna</rdf:li>
     <rdf:li>dog</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <MicrosoftPhoto:LastKeywordXMP>
    <rdf:Bag>
     <rdf:li>People/Anna</rdf:li>
    </rdf:Bag>
   </MicrosoftPhoto:LastKeywordXMP>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>People|Anna</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Anna &amp; co</rdf:li>
    </rdf:Bag>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
`;

/** As darktable 4 writes it: no packet wrapper, a history, and no keywords yet. */
const DARKTABLE = `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF ${RDF}>
  <rdf:Description rdf:about=""
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:darktable="http://darktable.sf.net/"
   xmpMM:DerivedFrom="photo.jpg"
   darktable:xmp_version="5"
   darktable:history_end="1">
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:operation="exposure"
      darktable:params="gz02eJxjYGBgkGAAgRNODGiAEV0A"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
`;

/** As ExifTool writes it: one description for each namespace. */
const EXIFTOOL = `<?xpacket begin='\uFEFF' id='W5M0MpCehiHzreSzNTczkc9d'?>\r
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Image::ExifTool 12.57'>\r
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\r
 <!-- a comment with <rdf:li>dog</rdf:li> -->\r
 <rdf:Description rdf:about=''\r
  xmlns:exif='http://ns.adobe.com/exif/1.0/'>\r
  <exif:UserComment>5 &gt; 4 <![CDATA[<dc:subject>]]></exif:UserComment>\r
 </rdf:Description>\r
 <rdf:Description rdf:about=''\r
  xmlns:keywords='http://purl.org/dc/elements/1.1/'>\r
  <keywords:subject>\r
   <rdf:Bag>\r
    <rdf:li>holiday</rdf:li>\r
   </rdf:Bag>\r
  </keywords:subject>\r
 </rdf:Description>\r
</rdf:RDF>\r
</x:xmpmeta>\r
<?xpacket end='w'?>`;

/** Lines of `before` that `after` lacks. */
const lost = (before: string, after: string) => {
  const lines = after.split('\n');
  return before.split('\n').filter((line) => !lines.includes(line));
};

describe('keywords in a sidecar of another program', () => {
  it.each(Object.entries({ DIGIKAM, DARKTABLE, EXIFTOOL }))(
    'stand beside all that %s wrote, and leave no trace when they are taken away',
    (_program, text) => {
      const tagged = withKeywords(text, keywords('tabby cat'));
      expect(lost(text, tagged)).toEqual([]);
      expect(readList(tagged, DC)).toEqual([...(readList(text, DC) ?? []), 'tabby cat']);
      expect(readList(tagged, LR)).toEqual([...(readList(text, LR) ?? []), 'imgcls|tabby cat']);
      expect(withKeywords(tagged, keywords('tabby cat'))).toBe(tagged);
      expect(withKeywords(tagged, keywords())).toBe(text);
    },
  );

  it('are in the list of digiKam as well, which digiKam and Immich prefer to all others', () => {
    const tagged = withKeywords(DIGIKAM, keywords('tabby'));
    expect(readList(tagged, TAGS)).toEqual(['People/Anna', 'dog', 'imgcls/tabby']);
    expect(readList(withKeywords(DARKTABLE, keywords('tabby')), TAGS)).toBeUndefined();
  });

  it('replace the earlier keywords of imgcls, and never one of the user', () => {
    const tagged = withKeywords(withSubjects('dog', 'beach'), keywords('dog', 'cat'));
    expect(readList(tagged, DC)).toEqual(['dog', 'beach', 'cat']);
    const changed = withKeywords(tagged, keywords('horse'));
    expect(readList(changed, DC)).toEqual(['dog', 'beach', 'horse']);
    expect(readList(changed, LR)).toEqual(['imgcls|horse']);
    expect(withKeywords(changed, keywords())).toBe(withSubjects('dog', 'beach'));
  });

  it('are not added beside the same word in other letters', () => {
    expect(readList(withKeywords(withSubjects('Dog'), keywords('dog')), DC)).toEqual(['Dog']);
  });

  it.each([
    ['an empty rdf:RDF', packet('')],
    ['an empty description', packet('<rdf:Description rdf:about="" a="/>"/>')],
    [
      'an empty list',
      packet(
        `<rdf:Description xmlns:d="${DC.namespace}"><d:subject><rdf:Bag/></d:subject></rdf:Description>`,
      ),
    ],
    [
      'rdf as the default namespace',
      '<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><Description/></RDF>',
    ],
    ['dc as the prefix of something else', `<rdf:RDF ${RDF} xmlns:dc="other"><rdf:Description/></rdf:RDF>`],
  ])('find their place in %s', (_kind, text) => {
    const tagged = withKeywords(text, keywords('dog'));
    expect([readList(tagged, DC), readList(tagged, LR)]).toEqual([['dog'], ['imgcls|dog']]);
    expect(withKeywords(tagged, keywords('dog'))).toBe(tagged);
  });

  it('may have any text, whatever the user has beside it', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((word) => word.trim() !== '');
    fc.assert(
      fc.property(
        fc.uniqueArray(text),
        fc.uniqueArray(text),
        fc.uniqueArray(text),
        (users, first, second) => {
          const before = withKeywords(EMPTY_SIDECAR, keywords(...users)).replaceAll('imgcls', 'other');
          const tagged = withKeywords(before, keywords(...first));
          const changed = withKeywords(tagged, keywords(...second));
          expect(() => parseXml(changed)).not.toThrow();
          expect(readList(changed, DC)?.slice(0, users.length) ?? []).toEqual(readList(before, DC) ?? []);
          expect(withKeywords(changed, keywords(...second))).toBe(changed);
          expect(readList(withKeywords(changed, keywords()), DC)).toEqual(readList(before, DC));
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a sidecar is left alone', () => {
  const DOCTYPE = `<!DOCTYPE x [<!ENTITY lol "lol"><!ENTITY file SYSTEM "file:///etc/passwd">]>${packet('')}`;
  it.each([
    ['cut off', DIGIKAM.slice(0, 900), 'not well-formed XML: Missing end tag'],
    ['another document', '<html/>', 'has no rdf:RDF'],
    ['empty', '', 'not well-formed'],
    ['two packets', `<a><rdf:RDF ${RDF}/><rdf:RDF ${RDF}/></a>`, 'more than one rdf:RDF'],
    ['with a document type', DOCTYPE, 'document type'],
    ['with an entity', packet('<rdf:Description>&file;</rdf:Description>'), 'not well-formed'],
    ['too deep', packet(`${'<a>'.repeat(1e5)}${'</a>'.repeat(1e5)}`), 'too many nested elements'],
    [
      'with a subject that is no list',
      packet(`<rdf:Description xmlns:dc="${DC.namespace}" dc:subject="dog"/>`),
      'not a list',
    ],
    [
      'with a subject that is a text',
      packet(`<rdf:Description xmlns:dc="${DC.namespace}"><dc:subject>dog</dc:subject></rdf:Description>`),
      'not a list',
    ],
  ])('that is %s', (_kind, text, why) => {
    expect(() => withKeywords(text, keywords('dog'))).toThrow(why);
  });

  it('that is in another encoding than UTF-8', () => {
    const latin1 = Buffer.from(withSubjects('Kühe'), 'latin1');
    expect(() => decodeSidecar(latin1)).toThrow('not in UTF-8');
    expect(() =>
      decodeSidecar(Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${packet('')}`)),
    ).toThrow('is in ISO-8859-1');
    expect(() => decodeSidecar(Buffer.from(`\uFEFF${packet('')}`, 'utf16le'))).toThrow('not in UTF-8');
  });
});

it('keeps the byte order mark of a sidecar', () => {
  const text = decodeSidecar(Buffer.from(`\uFEFF${DARKTABLE}`));
  expect(withKeywords(text, keywords('dog'))).toBe(`\uFEFF${withKeywords(DARKTABLE, keywords('dog'))}`);
});
