/** The keys of facts are written in keys.ts alone: all other files of src have them from there, and use every one. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { PROJECT_ROOT } from '../../src/cli/installation.js';
import { FACT } from '../../src/report/keys.js';

const HOME = 'src/report/keys.ts';

/** Where a text that is a key means something else. */
const ALLOWED = [
  { file: 'src/probe/self/probe-metrics.ts', text: 'ebpf_rung', reason: 'the name of a Prometheus metric' },
];

/** Those that no other thing is called by chance, as things are called `pid` and `name`. */
const KEYS = new Set<string>(Object.values(FACT).filter((key) => key.includes('_')));
const PREFIXES = Object.entries(FACT).flatMap(([name, key]) => (name.endsWith('Prefix') ? [key] : []));

interface Found {
  /** Keys, and texts that begin with the prefix of some, with their lines. */
  readonly keys: { readonly text: string; readonly line: number }[];
  /** `hostNodeId` for `FACT.hostNodeId`. */
  readonly uses: Set<string>;
}

/** Texts, parts of templates and names of properties; comments are none of them. */
function textOf(node: ts.Node): string | undefined {
  const isText =
    ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
  return isText || ts.isIdentifier(node) ? node.text : undefined;
}

function search(source: string): Found {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest);
  const found: Found = { keys: [], uses: new Set() };
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (text !== undefined && (KEYS.has(text) || PREFIXES.some((prefix) => text.startsWith(prefix))))
      found.keys.push({ text, line: file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1 });
    if (ts.isPropertyAccessExpression(node) && textOf(node.expression) === 'FACT')
      found.uses.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const SEARCHED = globSync('src/**/*.ts', { cwd: PROJECT_ROOT })
  .filter((file) => file !== HOME)
  .map((file) => ({ file, ...search(readFileSync(join(PROJECT_ROOT, file), 'utf8')) }));

test('a key is found in whatever form it is written', () => {
  for (const source of [
    "latestOf(node, 'host_node_id')",
    'latestOf(node, `host_node_id`)',
    "type Key = 'host_node_id' | 'pid'",
    'const facts = { host_node_id: id }',
    'facts.host_node_id',
    "latestOf(node, 'docker_label_role')",
    'latestOf(node, `docker_label_${name}`)',
  ])
    assert.equal(search(source).keys.length, 1, source);
  for (const source of ['latestOf(node, FACT.hostNodeId)', '/** `host_node_id` */', "'pid'"])
    assert.deepEqual(search(source).keys, [], source);
});

test('no file but keys.ts writes the key of a fact', () => {
  assert.ok(SEARCHED.length > 100, `${SEARCHED.length} files were searched`);
  const isAllowed = (file: string, text: string): boolean =>
    ALLOWED.some((each) => each.file === file && each.text === text);
  const written = SEARCHED.flatMap(({ file, keys }) =>
    keys.filter(({ text }) => !isAllowed(file, text)).map(({ text, line }) => `${file}:${line} ${text}`),
  );
  assert.deepEqual(written, [], 'use FACT of src/report/keys.ts');
});

test('what is allowed is still there', () => {
  for (const { file, text } of ALLOWED) {
    const keys = SEARCHED.find((each) => each.file === file)?.keys ?? [];
    assert.ok(
      keys.some((key) => key.text === text),
      `${file} has no ${text} any more: take it off the list`,
    );
  }
});

test('every key is used', () => {
  const used = new Set(SEARCHED.flatMap(({ uses }) => [...uses]));
  assert.deepEqual(
    Object.keys(FACT).filter((name) => !used.has(name)),
    [],
  );
});
