/**
 * What the embedded engine asks of the Linux kernel: files, anonymous memory, CPU affinity and io_uring, all through
 * {@code java.lang.foreign} and one C function, {@code syscall(2)}.
 *
 * <p>Every class loads on every system. Ask {@link io.spdkio.embedded.linux.Linux#isAvailable()} before using the rest.
 */
package io.spdkio.embedded.linux;
