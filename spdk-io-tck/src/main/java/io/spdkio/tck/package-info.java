/** The contract that every engine obeys, as abstract JUnit classes. */
package io.spdkio.tck;
