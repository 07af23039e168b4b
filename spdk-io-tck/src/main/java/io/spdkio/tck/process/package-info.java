/** The part of the suite that needs a process for each test: misuse, crashes, full disks. */
package io.spdkio.tck.process;
