/** Races within the core, in its own package because they are about what is private to it. */
package io.spdkio.core;
