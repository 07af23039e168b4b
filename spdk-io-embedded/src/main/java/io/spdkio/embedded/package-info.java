/** The engine in Java. */
package io.spdkio.embedded;
