/**
 * The contract that every engine obeys, as abstract JUnit classes.
 *
 * <p>An engine's tests extend each class and say by {@link io.spdkio.tck.EngineTck#fixture} which engine runs. A test's
 * name states the rule. Nothing in here knows an engine.
 */
package io.spdkio.tck;
