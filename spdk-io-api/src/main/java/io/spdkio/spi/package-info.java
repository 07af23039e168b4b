/**
 * What an engine implements. Exported to the library's own engines only.
 *
 * <p>The API's handles live in {@code io.spdkio.core} and check arguments, confinement, state and leases; an engine
 * gets only valid calls, each on the thread that its method names.
 */
package io.spdkio.spi;
