// ebpf-bridge/procfs: many small files at once, and the network namespaces that processes and files lead to.
export { AddonUnavailableError } from '../errors.js';
export { countEntries, readFiles } from './files.js';
export { netNamespaces, readInNamespaces } from './namespaces.js';
