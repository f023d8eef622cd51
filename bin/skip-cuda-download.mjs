/**
 * The `preinstall` script of the package. The install script of onnxruntime-node downloads CUDA libraries on Linux,
 * even where there is no GPU, and fails without a network. This makes the download optional: only with its own variable
 * or flag (ONNXRUNTIME_NODE_INSTALL, --onnxruntime-node-install), as documented by onnxruntime-node. npm runs all
 * `preinstall` scripts before any other. A project that itself depends on onnxruntime-node keeps the download.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const MARK = '// Downloads only on request: changed by logpr.'
const OPTIONAL = `${MARK}
if (!Object.keys(process.env).some((name) => /^(npm_config_)?onnxruntime_node_install/i.test(name))) process.exit(0);
`

const script = installScript()
if (script !== null && !isWantedBy(process.env.npm_config_local_prefix)) {
  const text = readFileSync(script, 'utf8')
  if (!text.startsWith(MARK)) writeFileSync(script, OPTIONAL + text)
}

/** null while onnxruntime-node is not installed, as in package managers that run this script earlier. */
function installScript() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'script', 'install.js')
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

function isWantedBy(folder) {
  const manifest = folder === undefined ? '' : join(folder, 'package.json')
  if (!existsSync(manifest)) return false
  const { name, dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'))
  return name !== 'logpr' && 'onnxruntime-node' in { ...dependencies, ...devDependencies }
}
