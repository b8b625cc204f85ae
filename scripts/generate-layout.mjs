// Generates from native/bpf/record.h what TypeScript reads records by, and assertions about what C++ compiled. Run it by
// `make layout` after a change of the header; a test says when that was forgotten.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const pathOf = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const HEADER = pathOf('native/bpf/record.h');
const TYPESCRIPT = pathOf('src/probe/records/layout.ts');
const CPP = pathOf('native/src/ebpf/record_layout.h');

// Names in TypeScript: of a row its sizes, its fields by byte, and by 32-bit and 16-bit words where it is read so.
const ROWS = [
  { struct: 'tp_record', size: 'RECORD', bytes: 'OFFSET', words: 'WORD', halves: 'HALF' },
  { struct: 'tp_holder', size: 'HOLDER', bytes: 'HOLDER_OFFSET' },
  { struct: 'tp_namespace', size: 'NAMESPACE', words: 'NAMESPACE_WORD' },
];
const ENUMS = [
  { enum: 'tp_direction', name: 'Direction' },
  { enum: 'tp_pid_evidence', name: 'PidEvidence', texts: 'PID_EVIDENCE_TEXTS' },
  { enum: 'tp_direction_evidence', name: 'DirectionEvidence', texts: 'DIRECTION_EVIDENCE_TEXTS' },
  { enum: 'tp_flag', name: 'Flag' },
];
const TYPES = {
  __u8: { bytes: 1, signed: false },
  __u16: { bytes: 2, signed: false },
  __u32: { bytes: 4, signed: false },
  __u64: { bytes: 8, signed: false },
  __s32: { bytes: 4, signed: true },
  __s64: { bytes: 8, signed: true },
  char: { bytes: 1, signed: undefined },
};
// Of a comment.
const COLUMNS = 105;
const UNITS = { ns: 'nanos', us: 'micros' };

const capital = (word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;

// `pid_start_ns` → `pidStartNanos`
function camel(name) {
  const [first, ...rest] = name.split('_').map((word, i) => (i > 0 ? (UNITS[word] ?? word) : word));
  return first + rest.map(capital).join('');
}

// `TABLE_SCAN` → `TableScan`
const pascal = (name) => name.toLowerCase().split('_').map(capital).join('');

// What stands between the braces of a struct or an enum. @throws Error when the header has none of that name
function bodyOf(header, kind, name) {
  const body = new RegExp(`^${kind} ${name} \\{\\n(.*?)^\\};`, 'ms').exec(header)?.[1];
  if (body === undefined) throw new Error(`record.h has no ${kind} ${name}: name it in generate-layout.mjs`);
  return body;
}

// Declarations, each with its comment: the one behind it in its line, or else the one before it.
function declarationsOf(body, separator) {
  const found = [];
  let before = '';
  const part = new RegExp(`/\\*(.*?)\\*/|([^${separator}/]+)${separator}`, 'gs');
  let lineOfLast = -1;
  const lineAt = (at) => body.slice(0, at).split('\n').length;
  for (const match of body.matchAll(part)) {
    const comment = match[1]?.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim();
    if (comment === undefined) {
      found.push({ code: match[2].trim().replaceAll(/\s+/g, ' '), comment: before });
      lineOfLast = lineAt(match.index + match[0].length);
      before = '';
    } else if (lineAt(match.index) === lineOfLast) found.at(-1).comment = comment;
    else before = comment;
  }
  const rest = body.replaceAll(part, '').trim();
  if (rest !== '') throw new Error(`record.h: "${rest}" is no declaration that ends in "${separator}"`);
  return found;
}

// Of a struct: fields with offset, bytes and sign, aligned as C aligns them, and the size of the whole.
function rowOf(header, struct) {
  let at = 0;
  let widest = 1;
  const fields = declarationsOf(bodyOf(header, 'struct', struct), ';').map(({ code, comment }) => {
    const [, type, name, count = '1'] = /^(\w+) (\w+)(?:\[(\d+)\])?$/.exec(code) ?? [];
    const known = TYPES[type];
    if (known === undefined)
      throw new Error(
        `record.h: "${code}" of struct ${struct} is of no known type (${Object.keys(TYPES).join(', ')})`,
      );
    widest = Math.max(widest, known.bytes);
    const offset = Math.ceil(at / known.bytes) * known.bytes;
    at = offset + known.bytes * Number(count);
    return { name, comment, offset, count: Number(count), type, ...known };
  });
  return { struct, fields, bytes: Math.ceil(at / widest) * widest };
}

// Of an enum: its values by name, without what all names begin with.
function valuesOf(header, name) {
  const members = declarationsOf(bodyOf(header, 'enum', name), ',').map(({ code, comment }) => {
    const [, member, value] = /^(\w+) = (\d+)$/.exec(code) ?? [];
    if (member === undefined)
      throw new Error(`record.h: "${code}" of enum ${name} has no value: spell it out`);
    return { member, comment, value: Number(value) };
  });
  const first = members[0].member;
  let shared = first.length;
  for (const { member } of members) while (!member.startsWith(first.slice(0, shared))) shared--;
  const prefix = first.slice(0, first.lastIndexOf('_', shared - 1) + 1);
  return members.map((one) => ({ ...one, short: one.member.slice(prefix.length) }));
}

function doc(text) {
  if (text === '') return '';
  const lines = [...text.matchAll(new RegExp(`(.{1,${COLUMNS}})(?: |$)`, 'g'))].map(([, line]) => line);
  return lines.length === 1
    ? `/** ${text} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`).join('\n')}\n */\n`;
}

const constEnum = (name, comment, members) =>
  `${doc(comment)}export const enum ${name} {\n${members.join('\n')}\n}\n`;

function textOf({ type, bytes, count, comment }) {
  const shape = count === 1 ? `${type === 'char' ? 'i' : type[2]}${bytes * 8}` : `${bytes * count} bytes`;
  return comment === '' ? shape : `${shape}: ${comment}`;
}

function typescriptOfRow({ size, bytes, words, halves }, row) {
  const fields = row.fields.filter(({ name }) => name !== 'reserved');
  const member = (unit) => (field) => `${doc(textOf(field))}${camel(field.name)} = ${field.offset / unit},`;
  const wide = fields.filter(({ bytes: one, count, offset }) => offset % 4 === 0 && one * count >= 4);
  const sizes = [`bytes = ${row.bytes},`];
  if (words !== undefined) sizes.push(`words = ${row.bytes / 4},`);
  if (halves !== undefined) sizes.push(`halves = ${row.bytes / 2},`);
  const parts = [constEnum(size, `Size of one \`struct ${row.struct}\`, by what it is read in.`, sizes)];
  if (bytes !== undefined)
    parts.push(constEnum(bytes, 'Byte offsets of the fields. Little endian.', fields.map(member(1))));
  if (words !== undefined) {
    const comment = 'Offsets in 32-bit words; u64 fields by their low word, addresses by the first of four.';
    const plain = bytes === undefined ? member(4) : (field) => `${camel(field.name)} = ${field.offset / 4},`;
    parts.push(constEnum(words, comment, wide.map(plain)));
  }
  if (halves !== undefined) {
    const narrow = fields.filter(({ bytes: one }) => one === 2);
    const of = narrow.map((field) => `${camel(field.name)} = ${field.offset / 2},`);
    parts.push(constEnum(halves, 'Offsets in 16-bit words.', of));
  }
  return parts.join('\n');
}

function typescriptOfEnum({ enum: of, name, texts }, values) {
  const members = values.map(({ short, value, comment }) => `${doc(comment)}${pascal(short)} = ${value},`);
  const list = constEnum(name, `enum ${of}`, members);
  if (texts === undefined) return list;
  if (values.some(({ value }, i) => value !== i))
    throw new Error(`record.h: enum ${of} does not count from 0`);
  const words = values.map(({ short }) => `'${short.toLowerCase().replaceAll('_', '-')}'`);
  return `${list}\n/** \`${name}\` in words, by value. */\nexport const ${texts}: readonly string[] = [${words.join(', ')}];\n`;
}

function cppOf(rows, enums, digest) {
  const lines = rows.flatMap(({ struct, fields, bytes }) => [
    `static_assert(sizeof(struct ${struct}) == ${bytes}, "make layout");`,
    ...fields.flatMap(({ name, offset, bytes: one, count, signed }) => {
      const member = `decltype(${struct}::${name})`;
      const checks = [
        `offsetof(struct ${struct}, ${name}) == ${offset}`,
        `sizeof(${member}) == ${one * count}`,
      ];
      if (count === 1 && signed !== undefined) checks.push(`${signed ? '' : '!'}std::is_signed_v<${member}>`);
      return `static_assert(${checks.join(' && ')}, "make layout");`;
    }),
  ]);
  const values = enums
    .flat()
    .map(({ member, value }) => `static_assert(${member} == ${value}, "make layout");`);
  return `// Generated by scripts/generate-layout.mjs from bpf/record.h (\`make layout\`): what TypeScript reads by is
// what C++ compiled, and both are of one version of the header.
// clang-format off
#pragma once

#include "bpf/record.h"

#include <cstddef>
#include <type_traits>

// Of all that is asserted below; JavaScript compares it with its own when it loads the tracker.
constexpr const char *RECORD_LAYOUT_DIGEST = "${digest}";

${[...lines, ...values].join('\n')}
`;
}

/** Both generated texts. @throws Error that says which line of the header is beyond the grammar */
export async function generateLayout(header) {
  const rows = ROWS.map(({ struct }) => rowOf(header, struct));
  const enums = ENUMS.map(({ enum: name }) => valuesOf(header, name));
  const numbers = JSON.stringify([
    rows.map(({ struct, bytes, fields }) => [
      struct,
      bytes,
      fields.map((one) => [one.name, one.offset, one.type, one.count]),
    ]),
    enums.map((values) => values.map(({ member, value }) => [member, value])),
  ]);
  const digest = createHash('sha256').update(numbers).digest('hex').slice(0, 16);
  const typescript = [
    `/**
 * The layout of native/bpf/record.h, generated by scripts/generate-layout.mjs: \`make layout\` after a change there.
 *
 * Constants of \`const enum\`s are compiled into the code that uses them, as literals: V8 does not take what a module imports
 * for a constant, and hot loops would load each again and again.
 */
/** Of all numbers in here; the addon has that of the header which it was compiled from. */
export const LAYOUT_DIGEST = '${digest}';
`,
    ...ROWS.map((names, i) => typescriptOfRow(names, rows[i])),
    ...ENUMS.map((names, i) => typescriptOfEnum(names, enums[i])),
  ].join('\n');
  const options = { ...(await resolveConfig(TYPESCRIPT)), filepath: TYPESCRIPT };
  return { typescript: await format(typescript, options), cpp: cppOf(rows, enums, digest) };
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const { typescript, cpp } = await generateLayout(readFileSync(HEADER, 'utf8'));
  writeFileSync(TYPESCRIPT, typescript);
  writeFileSync(CPP, cpp);
}
