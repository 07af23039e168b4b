/** The spdk-io command. */
package io.spdkio.cli;
