/** The devices of the embedded engine, each a {@link io.spdkio.bdev.BdevBackend} as users write them. */
package io.spdkio.embedded.device;
