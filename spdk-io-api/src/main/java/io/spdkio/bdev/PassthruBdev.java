package io.spdkio.bdev;

/**
 * A device that hands everything on to another ({@code bdev_passthru}). It claims its base.
 *
 * @param name its name
 * @param base the name of the device below
 */
public record PassthruBdev(String name, String base) implements BdevSpec {
    /** Checks the names. */
    public PassthruBdev {
        BdevSpec.requireName(name);
        BdevSpec.requireName(base);
    }

    /**
     * A device over another.
     *
     * @param name its name
     * @param base the name of the device below
     * @return the spec
     */
    public static PassthruBdev over(String name, String base) {
        return new PassthruBdev(name, base);
    }
}
