import { defineConfig } from 'vitepress';
import { slugOf } from '../../tools/docs/slug.ts';
import { ICON, sourceUrl } from '../pages.ts';
import { emptyHeaders } from './empty-headers.ts';
import { sidebar } from './sidebar.ts';

const source = sourceUrl();

export default defineConfig({
  title: 'imgcls',
  description:
    'Labels images with a pretrained model, on one machine or on a fleet that scales with the work.',
  srcDir: '.pages',
  outDir: 'dist',
  head: [['link', { rel: 'icon', href: `/${ICON}` }]],
  lastUpdated: false,
  // Braces are part of paths of the REST service, not attributes of headings.
  markdown: { anchor: { slugify: slugOf }, attrs: { disable: true }, config: emptyHeaders },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    ...(source !== undefined && { socialLinks: [{ icon: 'github', link: source }] }),
    sidebar,
  },
});
