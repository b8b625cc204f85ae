/** The programs of a virtual machine: Debian's, and Node.js from npm. They are the same for every kernel of a processor. */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../src/cli/installation.js';
import { cached } from './cache.js';
import type { DebianPackages } from './debian-packages.js';
import { packInitramfs } from './initramfs.js';
import type { Architecture } from './kernels.js';
import { runCommand } from './run-command.js';
import { orUnavailable } from './unavailable.js';

const PACKAGES = ['busybox-static', 'iproute2', 'iptables', 'libstdc++6', 'libatomic1', 'zlib1g'] as const;
/** What nobody runs or reads there. */
const SUPERFLUOUS = ['usr/share', 'usr/lib/apt', 'var'] as const;
const NODE_PROCESSORS: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };

/** Part of an initramfs. */
export async function userland(packages: DebianPackages): Promise<string> {
  const { architecture } = packages;
  const node = await pinnedNode(architecture);
  const folder = await cached(`userland-${architecture}`, [...PACKAGES, node], async (draft) => {
    const root = join(draft, 'root');
    await mkdir(root);
    await packages.unpackWithDependencies(PACKAGES, root);
    for (const path of SUPERFLUOUS) await rm(join(root, path), { recursive: true, force: true });
    await addNode(node, draft, root);
    await packInitramfs(root, join(draft, 'userland.cpio'));
    await rm(root, { recursive: true });
  });
  return join(folder, 'userland.cpio');
}

/** The npm package of the Node.js that the program has on that processor, with its version. */
async function pinnedNode(architecture: Architecture): Promise<string> {
  const { optionalDependencies } = JSON.parse(await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const name = `node-linux-${NODE_PROCESSORS[architecture]}`;
  return `${name}@${optionalDependencies[name] ?? ''}`;
}

async function addNode(node: string, draft: string, root: string): Promise<void> {
  const packed = await orUnavailable(
    runCommand(`get ${node} from npm`, ['npm', 'pack', '--silent', node], { cwd: draft }),
  );
  const archive = join(draft, packed.trim());
  await runCommand('unpack Node.js', ['tar', '-xzf', archive, '-C', draft, 'package/bin/node']);
  await cp(join(draft, 'package/bin/node'), join(root, 'usr/bin/node'));
  for (const rest of ['package', packed.trim()]) await rm(join(draft, rest), { recursive: true });
}
