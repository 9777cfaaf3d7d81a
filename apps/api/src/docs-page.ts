import { html, raw } from 'hono/html';
import { pageHeaders } from './page-headers.ts';

/** What the page shows of an OpenAPI 3.1 document. */
export interface DocsDocument {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocsOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface DocsOperation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema?: unknown }[];
  readonly requestBody?: DocsContent;
  readonly responses: Readonly<Record<string, DocsContent & { readonly description?: string }>>;
}

interface DocsContent {
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
}

const style = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  body { color: #1b1f24; background: #fff; color-scheme: light dark; }
  code, pre { font: 13px/1.45 ui-monospace, monospace; }
  pre { overflow: auto; padding: .75rem; border: 1px solid #8884; border-radius: 6px; }
  h3 { margin: 1.75rem 0 .25rem; } h3 code { font-size: 15px; } b { display: inline-block; min-width: 4rem; }
  dt { margin-top: .5rem; } summary { cursor: pointer; }
  @media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #16181b; } a { color: #8ab4f8; } }
`;

export const docsHeaders = pageHeaders(style, "'none'");

/** The document as a readable page. Every value is escaped by `html`. */
export function docsPage({ info, paths, components }: DocsDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'Other'))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags?.[0] ?? 'Other') === tag);
    return html`<h2>${tag}</h2>${own.map(operationHtml)}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      html`<details id="${name}"><summary><code>${name}</code></summary><pre>${pretty(schema)}</pre></details>`,
  );
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} API</title><style>${raw(style)}</style></head>
<body><h1>${info.title} API <small>${info.version}</small></h1>
<p>Send <code>Authorization: Bearer wb_…</code>. Errors are <code>application/problem+json</code> (RFC 9457).
The same as OpenAPI 3.1: <a href="/openapi.json">/openapi.json</a>.</p>
${sections}<h2>Schemas</h2>${schemas}</body></html>`.toString();
}

function operationHtml({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: DocsOperation;
}) {
  const { summary = '', parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses).filter(([status]) => status !== 'default');
  return html`<h3><code><b>${method.toUpperCase()}</b> ${path}</code></h3><p>${summary}</p><dl>
${parameters.map(
  (parameter) => html`<dt><code>${parameter.name}</code> (${parameter.in})</dt>
<dd>${schemaHtml(parameter.schema)}</dd>`,
)}
${requestBody ? html`<dt>Body</dt><dd>${contentHtml(requestBody)}</dd>` : ''}
${answers.map(
  ([status, answer]) => html`<dt>${status}</dt><dd>${answer.description} ${contentHtml(answer)}</dd>`,
)}</dl>`;
}

function contentHtml({ content = {} }: DocsContent) {
  return Object.values(content).map(({ schema }) => schemaHtml(schema));
}

/** A named schema is a link to it. */
function schemaHtml(schema: unknown) {
  const { $ref } = (schema ?? {}) as { $ref?: string };
  const name = $ref?.split('/').at(-1);
  return name
    ? html`<a href="#${name}"><code>${name}</code></a>`
    : html`<code>${JSON.stringify(schema)}</code>`;
}

function pretty(schema: unknown): string {
  return JSON.stringify(schema, null, 2);
}
