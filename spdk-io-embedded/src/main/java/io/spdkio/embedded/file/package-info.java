/**
 * Asynchronous I/O on files and block devices, for the devices built on them.
 *
 * <p>A {@link io.spdkio.embedded.file.FileEngine} is the way this machine does it, chosen by probing. It opens each
 * {@link io.spdkio.embedded.file.BackingFile} once, and makes one {@link io.spdkio.embedded.file.FileRing} a thread,
 * which all files of that thread share: each is attached to it as a {@link io.spdkio.embedded.file.RingFile}, where I/O
 * is submitted.
 */
package io.spdkio.embedded.file;
