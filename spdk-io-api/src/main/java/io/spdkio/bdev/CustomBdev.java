package io.spdkio.bdev;

import java.util.Objects;

/**
 * A device written in Java by the user of this library.
 *
 * @param name its name
 * @param backend what serves it; used for one device only
 */
public record CustomBdev(String name, BdevBackend backend) implements BdevSpec {
    /** Checks the name. */
    public CustomBdev {
        BdevSpec.requireName(name);
        Objects.requireNonNull(backend, "backend");
    }

    /**
     * A device.
     *
     * @param name its name
     * @param backend what serves it
     * @return the spec
     */
    public static CustomBdev of(String name, BdevBackend backend) {
        return new CustomBdev(name, backend);
    }
}
