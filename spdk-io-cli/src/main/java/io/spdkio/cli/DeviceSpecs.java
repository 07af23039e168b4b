package io.spdkio.cli;

import io.spdkio.SpdkEnv;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.LvolBdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.bdev.RaidBdev;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The devices that a command line describes. */
public final class DeviceSpecs {
    private static final Pattern SPEC = Pattern.compile("(malloc|null|file|aio|uring|delay|error|passthru)[:,].*");
    private static final Pattern NUMBERED = Pattern.compile("(.*?)(\\d{1,9})");

    /** For each text, its devices, the lowest first. */
    private final List<List<BdevSpec>> devices = new ArrayList<>();

    private final Set<String> names = new HashSet<>();

    /** Reads specs; what two of them would give the same default name gets different ones. */
    public static DeviceSpecs parse(List<String> texts) {
        DeviceSpecs specs = new DeviceSpecs();
        for (String text : texts) {
            specs.add(text, false);
        }
        return specs;
    }

    /**
     * Adds a device.
     *
     * @param readOnly whether nothing will be written to it, so that a file is opened for reading only
     */
    public void add(String text, boolean readOnly) {
        List<BdevSpec> parsed;
        try {
            parsed = BdevSpec.parse(text);
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
        Map<String, String> renamed = new HashMap<>();
        List<BdevSpec> unique = new ArrayList<>();
        for (BdevSpec spec : parsed) {
            String name = defaultName(spec, renamed);
            while (!names.add(name)) {
                name = next(name);
            }
            renamed.put(spec.name(), name);
            BdevSpec made = rename(spec, name, renamed);
            boolean reads = readOnly && made instanceof AioBdev file && file.createSize().isEmpty();
            unique.add(reads ? ((AioBdev) made).asReadOnly() : made);
        }
        devices.add(unique);
    }

    /** A device on another is called after it. */
    private static String defaultName(BdevSpec spec, Map<String, String> renamed) {
        String base =
                switch (spec) {
                    case DelayBdev s -> s.base();
                    case ErrorBdev s -> s.base();
                    case PassthruBdev s -> s.base();
                    default -> null;
                };
        String name = spec.name();
        return base != null && name.endsWith("_" + base)
                ? name.substring(0, name.length() - base.length()) + renamed.getOrDefault(base, base)
                : name;
    }

    private static String next(String name) {
        Matcher matcher = NUMBERED.matcher(name);
        return matcher.matches() ? matcher.group(1) + (Integer.parseInt(matcher.group(2)) + 1) : name + "1";
    }

    private static BdevSpec rename(BdevSpec spec, String name, Map<String, String> renamed) {
        return switch (spec) {
            case MallocBdev s ->
                    new MallocBdev(name, s.sizeBytes(), s.blockSize(), s.uuid(), s.optimalIoBoundaryBlocks());
            case NullBdev s -> new NullBdev(name, s.sizeBytes(), s.blockSize(), s.uuid());
            case AioBdev s ->
                    new AioBdev(name, s.path(), s.blockSize(), s.module(), s.readOnly(), s.direct(), s.createSize());
            case DelayBdev s -> new DelayBdev(name, renamed.getOrDefault(s.base(), s.base()), s.latencies());
            case ErrorBdev s -> new ErrorBdev(name, renamed.getOrDefault(s.base(), s.base()), s.injections());
            case PassthruBdev s -> new PassthruBdev(name, renamed.getOrDefault(s.base(), s.base()));
            case RaidBdev s ->
                    new RaidBdev(
                            name,
                            s.level(),
                            s.stripSizeKiB(),
                            s.bases().stream().map(base -> renamed.getOrDefault(base, base)).toList(),
                            s.uuid());
            case LvolBdev s -> s; // its name says where it is
            case CustomBdev s -> new CustomBdev(name, s.backend());
        };
    }

    /** Makes the devices; the result has one, the topmost, for each text. */
    public List<Bdev> create(SpdkEnv env) {
        List<Bdev> made = new ArrayList<>();
        for (List<BdevSpec> layers : devices) {
            Bdev top = null;
            for (BdevSpec layer : layers) {
                top = env.bdevs().create(layer).join();
            }
            made.add(top);
        }
        return made;
    }

    /** Whether text is meant as a device rather than a path. */
    public static boolean isSpec(String text) {
        return SPEC.matcher(text).matches();
    }
}
