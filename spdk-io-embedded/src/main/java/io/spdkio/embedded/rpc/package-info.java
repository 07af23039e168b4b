/** The control plane: the JSON-RPC methods of SPDK v26.01 for what this engine has, on plain Java values. */
package io.spdkio.embedded.rpc;
