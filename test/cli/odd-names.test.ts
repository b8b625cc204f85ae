/** Processes can call themselves anything: whatever it is, pictures, texts and metrics made of it stay well-formed. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { reportToDot } from '../../src/cli/dot.js';
import { visibleText } from '../../src/cli/visible-text.js';
import { endpointNode, hostNode, makeReport, processNode } from '../app/sample-reports.js';
import { runApp } from '../app/running-app.js';
import { decodeReport, encodeReport } from '../../src/report/index.js';
import { programPath, startNodeProgram, startProgram } from '../support/program.js';
import { topoprobe } from '../support/topoprobe.js';

const missing = ['dot', 'xmllint'].filter((name) => spawnSync(name, ['--version']).error !== undefined);
const SKIP = missing.length > 0 ? `needs ${missing.join(', ')}` : false;

const NAMES = [
  '\x00\x01\x08\x0b\x0c\x0e\x1f',
  'tab\tline\nreturn\r',
  '\x1b[31mred\x1b[0m',
  '\x7f\x80\x85\x9f',
  '&#1; &#x1; &amp; &lt; &nonsense; & ;',
  '<b>bold</b> <![CDATA[ ]]> --> <?xml?>',
  '"quoted" \'single\'',
  'back\\slash \\N \\G \\l \\',
  '\ud800 \udc00 \ufffe \uffff \ufdd0',
  '{a|b} [c] ; -> --',
  '\u202eright to left \u200b \u2028 \u{1f600}',
  '',
  ' ',
];

/** A picture of one client for each name, and what is written in its boxes. */
function drawn(names: readonly string[]): string[] {
  const report = makeReport({
    Endpoint: [
      endpointNode(';10.0.0.2;80', { owner: ['h', 1] }),
      ...names.map((_, i) =>
        endpointNode(`;10.0.0.1;${i + 1000}`, { owner: ['h', i + 1000], to: [';10.0.0.2;80'] }),
      ),
    ],
    Process: [processNode('h', 1, 'server'), ...names.map((name, i) => processNode('h', i + 1000, name))],
    Host: [hostNode('h')],
  });
  const { stdout, stderr, status } = spawnSync('dot', ['-Tsvg'], {
    input: reportToDot(report),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.deepEqual([status, stderr], [0, '']);
  // It is XML, and a reader of it finds these texts.
  const found = execFileSync(
    'xmllint',
    ['--nonet', '--xpath', '//*[local-name()="g"][@class="node"]/*[local-name()="text"]', '-'],
    {
      input: stdout,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  );
  return found
    .split('</text>')
    .filter((text) => text.trim() !== '')
    .map((text) => decoded(text.replace(/^\s*<text[^>]*>/, '')));
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const decoded = (xml: string): string =>
  xml.replace(/&(#x?)?(\w+);/g, (_all, number: string | undefined, text: string) => {
    if (number === undefined) return ENTITIES[text] ?? '?';
    return String.fromCodePoint(parseInt(text, number === '#x' ? 16 : 10));
  });

/** A picture has no use for several spaces, and shows each as one that does not break. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

test('any name is drawn, and is in the picture as it can be shown', { skip: SKIP }, () => {
  const texts = new Set(drawn(NAMES).map(plain));
  for (const [i, name] of NAMES.entries()) {
    const wanted = plain(`${visibleText(name)} (${i + 1000})`);
    assert.ok(texts.has(wanted), `${JSON.stringify(wanted)} is not in ${JSON.stringify([...texts])}`);
  }
});

test('a picture of random names is well-formed', { skip: SKIP }, () => {
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0x2f }),
    fc.integer({ min: 0, max: 0xff }),
    fc.integer({ min: 0, max: 0xffff }),
    fc.constantFrom(...Array.from('&#x;"\\<>', (character) => character.charCodeAt(0))),
  );
  const name = fc.array(unit, { maxLength: 16 }).map((units) => String.fromCharCode(...units));
  const names = fc.sample(name, 300);
  assert.equal(drawn(names).length, names.length + 1, JSON.stringify(names));
});

test('what is visible stays as it is', () => {
  for (const text of ['nginx', 'größe ✓ 日本', 'a b/c-d_e', '\u{1f600}'])
    assert.equal(visibleText(text), text);
});

test('a real process with such a name is in every form of the report', { skip: SKIP }, async (t) => {
  const bytes = Buffer.from([0x61, 0x01, 0x1b, 0xff, 0xc3, 0x26, 0x23, 0x31, 0x3b, 0x22, 0x5c]);
  const server = await startNodeProgram(t, 'echo-server', ['127.0.0.1']);
  const quoted = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  const held = [process.execPath, programPath('held-connection'), '127.0.0.1', server.firstLine];
  const client = await startProgram(t, ['bash', '-c', `exec -a $'${quoted}' "$@"`, 'bash', ...held]);
  const args = ['report', '--duration', '300ms', '--source', 'proc', '--log-level', 'silent', '--dns', 'off'];
  const dot = await topoprobe([...args, '--format', 'dot']);
  assert.equal(dot.code, 0, dot.stderr);
  const shown = 'a\\\\x01\\\\x1b\ufffd\ufffd&amp;#1;\\"\\\\';
  assert.ok(dot.stdout.includes(`${shown} (${client.pid})`), dot.stdout);
  const svg = execFileSync('dot', ['-Tsvg'], { input: dot.stdout });
  execFileSync('xmllint', ['--nonet', '--noout', '-'], { input: svg });
  const json = await topoprobe([...args, '--format', 'json']);
  const { Process } = JSON.parse(json.stdout) as {
    Process: { nodes: Record<string, { latest: Record<string, { value: string }> }> };
  };
  const name = bytes.toString('utf8');
  const ofClient = Object.entries(Process.nodes).find(([id]) => id.endsWith(`;${client.pid}`));
  assert.equal(ofClient?.[1].latest['name']?.value, name);
});

test('metrics of machines with such names can be read line by line', async (t) => {
  const app = await runApp(t);
  const odd = 'a\n"\\\r\x01\x1b';
  const report = makeReport({
    Endpoint: [
      endpointNode(';10.0.0.1;1', { owner: [odd, 1], to: [';10.0.0.2;80'] }),
      endpointNode(';10.0.0.2;80', { owner: ['b', 2] }),
    ],
    Process: [processNode(odd, 1, 'x'), processNode('b', 2, 'y')],
    Host: [hostNode(odd), hostNode('b')],
  });
  assert.deepEqual(decodeReport(encodeReport(report)).topologies.get('Host'), report.topologies.get('Host'));
  assert.equal((await app.report(report)).status, 200);
  const { body } = await app.get('/metrics');
  const lines = (body as string).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const series = /^[a-z_0-9]+(\{([a-z_]+="(\\[\\n"]|[^\\"\n])*",?)+\})? [-+0-9.eEINnaf]+$/s;
  for (const line of lines) assert.match(line, series);
  const edges = lines.filter((line) => line.startsWith('topoprobe_edge_connections{from="a\\n\\"\\\\'));
  assert.equal(edges.length, 1, lines.join('\n'));
});
