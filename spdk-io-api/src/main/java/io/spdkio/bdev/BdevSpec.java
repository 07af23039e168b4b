package io.spdkio.bdev;

/**
 * Describes a device to be made with {@link Bdevs#create}; each kind is a record of its own.
 *
 * <p>{@link #parse} reads one from text. A spec is {@code kind:size-or-path?option=value&…}:
 *
 * <ul>
 *   <li>{@code malloc:64MiB?blockSize=512&name=m0}, {@code null:1GiB?blockSize=4096}
 *   <li>{@code file:/path?size=256MiB&create=true&blockSize=4096&readOnly=true&direct=false}; {@code aio:/path} and
 *       {@code uring:/path} mean one of SPDK's two file modules by name
 *   <li>over another, with its own options before the colon: {@code
 *       delay,read=100us,readP99=1ms,write=200us,writeP99=2ms:malloc:64MiB}, {@code
 *       error,op=write,mode=failure,rate=0.01,seed=7:…}, {@code passthru:…}, {@code passthru,name=p0:…}
 * </ul>
 *
 * Sizes take {@code K, M, G, T} or {@code KiB, MiB, …}, all powers of 1024. A path that holds {@code ?}, {@code &} or
 * {@code %} is written with percent escapes.
 */
public sealed interface BdevSpec
        permits MallocBdev, NullBdev, AioBdev, DelayBdev, ErrorBdev, PassthruBdev, RaidBdev, LvolBdev, CustomBdev {
    /**
     * The name the device will have.
     *
     * @return a name, unique in the environment
     */
    String name();

    /**
     * Reads a spec, whose base devices are made along with it.
     *
     * @param text the spec
     * @return what to make, the lowest device first; the last is the one that was described
     * @throws IllegalArgumentException if it can't be read; says what is wrong and shows how it is written
     */
    static java.util.List<BdevSpec> parse(String text) {
        return BdevSpecParser.parse(text);
    }

    /**
     * Checks a device name.
     *
     * @param name 1 to 255 characters, not blank
     * @return the name
     * @throws IllegalArgumentException if it is neither
     */
    static String requireName(String name) {
        if (name.isBlank() || name.length() > 255) {
            throw new IllegalArgumentException(
                    "a bdev's name has 1 to 255 characters and is not blank: '" + name + "'");
        }
        return name;
    }
}
