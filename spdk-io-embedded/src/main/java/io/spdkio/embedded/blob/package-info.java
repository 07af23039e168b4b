/**
 * The blobstore in Java. A store's metadata, in memory and on the device, belongs to its metadata thread; other threads
 * do I/O through channels of their own, which ask that thread when a cluster has to be allocated.
 *
 * <p>What makes it safe against a power cut, beyond the order of writes that SPDK keeps: what is referred to is flushed
 * before what refers to it is written, and nothing is given to another use before a flush has made durable that it is
 * not referred to any more. A write of one 4096-byte page is taken to happen as a whole.
 */
package io.spdkio.embedded.blob;
